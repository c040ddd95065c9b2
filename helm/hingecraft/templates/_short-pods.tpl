{{- /*
The pod of something that runs once: (dict "root" $ "component" "migrate" "workload" .Values.migrate "path" "migrate"
"args" (list "migrate") "env" TEXT "account" "" "restart" "Never"), and "usesKubernetes" true where it asks the API server.
*/ -}}
{{- define "hingecraft.shortPod" -}}
{{- $workload := .workload -}}
restartPolicy: {{ .restart }}
{{- with .account }}
serviceAccountName: {{ . | quote }}
{{- end }}
{{- if not .usesKubernetes }}
automountServiceAccountToken: false
{{- end }}
enableServiceLinks: false
securityContext:
  {{- include "hingecraft.podSecurity" .root | nindent 2 }}
{{- include "hingecraft.names" $workload }}
{{- include "hingecraft.placement" (dict "root" .root "component" .component "placement" $workload.placement) }}
{{- with $workload.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
- name: {{ .component }}
  args: {{ toJson .args }}
  {{- include "hingecraft.container" (dict "root" .root "resources" ($workload.resources | default .root.Values.migrate.resources)) | nindent 2 }}
  {{- include "hingecraft.env" (dict "own" .env "workload" $workload "path" .path) | nindent 2 }}
  {{- with include "hingecraft.mounts" (dict "root" .root "workload" $workload) | trim }}
  volumeMounts:
    {{- . | nindent 4 }}
  {{- end }}
{{- with $workload.extraContainers }}
{{ toYaml . }}
{{- end }}
{{- with include "hingecraft.volumes" (dict "root" .root "workload" $workload) | trim }}
volumes:
  {{- . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Labels and annotations of such a pod: (dict "root" $ "component" "migrate" "workload" .Values.migrate). */ -}}
{{- define "hingecraft.shortMetadata" -}}
labels:
  {{- include "hingecraft.labels" (dict "root" .root "component" .component "labels" .workload.podLabels) | nindent 2 }}
{{- with .workload.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* What those that report to nobody are told. */ -}}
{{- define "hingecraft.shortEnv" -}}
- name: LOG_LEVEL
  value: {{ .Values.logLevel }}
{{ include "hingecraft.trustEnv" . }}
{{- end -}}
