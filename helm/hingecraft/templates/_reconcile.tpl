{{- /* What the pods of a reconciliation have beside the chart's own settings. The operator makes them. */ -}}
{{- define "hingecraft.reconcileParts" -}}
{{- $reconcile := .Values.paymentRoutes.reconcile -}}
{{- $env := include "hingecraft.reconcileEnv" . -}}
{{- if or (fromYamlArray $env) $reconcile.extraEnv }}
{{- include "hingecraft.env" (dict "own" $env "workload" (omit $reconcile "envFrom") "path" "paymentRoutes.reconcile") | nindent 0 }}
{{- end }}
{{- with include "hingecraft.volumes" (dict "root" . "workload" $reconcile) | trim }}
volumes:
  {{- include "hingecraft.asResource" . | nindent 2 }}
{{- end }}
{{- with include "hingecraft.mounts" (dict "root" . "workload" $reconcile) | trim }}
volumeMounts:
  {{- . | nindent 2 }}
{{- end }}
{{- with $reconcile.initContainers }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $reconcile.extraContainers }}
extraContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- include "hingecraft.names" $reconcile }}
{{- with merge dict $reconcile.podLabels .Values.commonLabels }}
podLabels:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $reconcile.podAnnotations }}
podAnnotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $reconcile.placement.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $reconcile.placement.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $reconcile.placement.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $reconcile.placement.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $reconcile.placement.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- with $reconcile.podSecurityContext }}
podSecurityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The log level only where it is another: what is not needed works with an older definition too. */ -}}
{{- define "hingecraft.reconcileEnv" -}}
{{- range fromYamlArray (include "hingecraft.commonEnv" .) }}
{{- if or (ne .name "LOG_LEVEL") (ne .value "INFO") }}
- {{ toYaml . | nindent 2 | trim }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* The resource has no modes of files. */ -}}
{{- define "hingecraft.asResource" -}}
{{- range fromYamlArray . }}
{{- $volume := deepCopy . }}
{{- range $kind := list "secret" "configMap" "projected" }}
{{- with get $volume $kind }}
{{- $_ := set $volume $kind (omit . "defaultMode") }}
{{- end }}
{{- end }}
- {{ toYaml $volume | nindent 2 | trim }}
{{- end }}
{{- end -}}
