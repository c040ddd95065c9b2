{{- define "hingecraft.onOpenshift" -}}
{{- $adapt := .Values.openshift.adaptSecurityContext -}}
{{- if or (eq $adapt "force") (and (eq $adapt "auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
true
{{- end -}}
{{- end -}}

{{- /* OpenShift gives each namespace users and groups of its own and refuses others. */ -}}
{{- define "hingecraft.podSecurity" -}}
{{- $context := .Values.podSecurityContext -}}
{{- if include "hingecraft.onOpenshift" . -}}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" -}}
{{- end -}}
{{ toYaml $context }}
{{- end -}}

{{- define "hingecraft.containerSecurity" -}}
{{- $context := .Values.containerSecurityContext -}}
{{- if include "hingecraft.onOpenshift" . -}}
{{- $context = omit $context "runAsUser" "runAsGroup" -}}
{{- end -}}
{{ toYaml $context }}
{{- end -}}

{{- /* Shared by all our containers: (dict "root" $ "resources" ...). */ -}}
{{- define "hingecraft.container" -}}
image: {{ include "hingecraft.image" .root | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- include "hingecraft.containerSecurity" .root | nindent 2 }}
resources:
  {{- toYaml .resources | nindent 2 }}
{{- end -}}

{{- define "hingecraft.commonEnv" -}}
- name: LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- with .Values.sentry.secret }}
- name: SENTRY_DSN
  valueFrom:
    secretKeyRef:
      name: {{ . | quote }}
      key: SENTRY_DSN
{{- end }}
{{- with .Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- with .Values.tracing.secret }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ . | quote }}
      key: OTEL_EXPORTER_OTLP_HEADERS
{{- end }}
{{ include "hingecraft.trustEnv" . }}
{{ include "hingecraft.proxyEnv" . }}
{{- end -}}

{{- define "hingecraft.trustEnv" -}}
{{- if or .Values.caBundle.configMap .Values.caBundle.secret -}}
- name: SSL_CERT_FILE
  value: {{ printf "/etc/hingecraft/ca/%s" .Values.caBundle.key | quote }}
{{- end -}}
{{- end -}}

{{- /* Names of the cluster are never asked of the proxy, whatever proxy.noProxy says. */ -}}
{{- define "hingecraft.proxyEnv" -}}
{{- with .Values.proxy -}}
{{- if or .httpsProxy .httpProxy .secret -}}
{{- with .httpsProxy }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .secret }}
- name: HTTPS_PROXY
  valueFrom:
    secretKeyRef:
      name: {{ . | quote }}
      key: HTTPS_PROXY
{{- end }}
{{- with .httpProxy }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
- name: NO_PROXY
  value: {{ concat (list "localhost" "127.0.0.1" "::1" ".svc" ".cluster.local") .noProxy | uniq | join "," | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /*
A container's settings: (dict "own" TEXT "workload" .Values.api "path" "api"). Kubernetes takes a name twice only from
some clients, and the last one wins: it is refused here.
*/ -}}
{{- define "hingecraft.env" -}}
{{- $taken := dict -}}
{{- range fromYamlArray .own -}}
{{- $_ := set $taken (trimSuffix "_FILE" .name) "the chart" -}}
{{- end -}}
{{- $path := .path -}}
{{- range $entry := .workload.extraEnv -}}
{{- with get $taken (trimSuffix "_FILE" $entry.name) -}}
{{- fail (printf "%s.extraEnv sets %s, which %s sets too: take it out of extraEnv, and use the chart's own value for it" $path $entry.name .) -}}
{{- end -}}
{{- $_ := set $taken (trimSuffix "_FILE" $entry.name) "another entry" -}}
{{- end -}}
env:
  {{- .own | nindent 2 }}
  {{- with .workload.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .workload.envFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* Mounts that a container has beside its own: (dict "root" $ "workload" .Values.api). */ -}}
{{- define "hingecraft.mounts" -}}
{{- if or .root.Values.caBundle.configMap .root.Values.caBundle.secret -}}
- name: ca-bundle
  mountPath: /etc/hingecraft/ca
  readOnly: true
{{- end }}
{{- with .workload.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "hingecraft.volumes" -}}
{{- $ca := .root.Values.caBundle -}}
{{- if $ca.configMap -}}
- name: ca-bundle
  configMap:
    name: {{ $ca.configMap | quote }}
{{- else if $ca.secret -}}
- name: ca-bundle
  secret:
    secretName: {{ $ca.secret | quote }}
    defaultMode: 0440
{{- end }}
{{- with .workload.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* How a pod finds names: .Values.api and the like. */ -}}
{{- define "hingecraft.names" -}}
{{- with .hostAliases }}
hostAliases:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* An upgrade strategy; Recreate goes with no rollingUpdate, which the chart's default has. */ -}}
{{- define "hingecraft.strategy" -}}
{{- $strategy := . -}}
{{- if eq (get . "type" | default "") "Recreate" -}}
{{- $strategy = omit . "rollingUpdate" -}}
{{- end -}}
{{- with $strategy }}
strategy:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The three probes: (dict "probes" .Values.api.probes "port" "http" "startup" PATH "liveness" PATH "readiness" PATH). */ -}}
{{- define "hingecraft.probes" -}}
{{- range list "startup" "liveness" "readiness" }}
{{ . }}Probe:
  httpGet:
    path: {{ get $ . }}
    port: {{ $.port }}
  {{- with get $.probes . }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* Where pods are put: (dict "root" $ "component" "api" "placement" .Values.api.placement). */ -}}
{{- define "hingecraft.placement" -}}
{{- $selector := dict "matchLabels" (include "hingecraft.selector" . | fromYaml) -}}
{{- /* Of each version apart, so that a rolling update ends as spread as it began. */ -}}
{{- $filled := dict "labelSelector" $selector "matchLabelKeys" (list "pod-template-hash") -}}
{{- with .placement.topologySpread }}
topologySpreadConstraints:
{{- range . }}
- {{ toYaml (merge dict . $filled) | nindent 2 | trim }}
{{- end }}
{{- end }}
{{- with .placement.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .placement.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .placement.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .placement.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .placement.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- include "hingecraft.pullSecrets" .root }}
{{- end -}}
