{{- define "hingecraft.name" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end -}}

{{- define "hingecraft.fullname" -}}
{{- $name := include "hingecraft.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "hingecraft.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- /* Of one component: (dict "root" $ "component" "api"). */ -}}
{{- define "hingecraft.selector" -}}
app.kubernetes.io/name: {{ include "hingecraft.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "hingecraft.labels" -}}
{{ include "hingecraft.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: hingecraft
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with merge dict (.labels | default dict) .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /*
An object's: (dict "root" $ "component" "api" "name" ...), and where they are needed "labels", "annotations", another
"namespace", or "clusterWide" true.
*/ -}}
{{- define "hingecraft.metadata" -}}
name: {{ .name }}
{{- if not .clusterWide }}
namespace: {{ .namespace | default (include "hingecraft.namespace" .root) | quote }}
{{- end }}
labels:
  {{- include "hingecraft.labels" . | nindent 2 }}
{{- with merge dict (.annotations | default dict) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* An image with the registry that it is pulled from: (dict "root" $ "name" "hingecraft" "registry" ""). */ -}}
{{- define "hingecraft.inRegistry" -}}
{{- $global := (.root.Values.global | default dict).imageRegistry -}}
{{- if $global -}}
{{ $global | trimSuffix "/" }}/{{ regexReplaceAll "^([^/]*[.:][^/]*|localhost)/" .name "" }}
{{- else if .registry -}}
{{ .registry | trimSuffix "/" }}/{{ .name }}
{{- else -}}
{{ .name }}
{{- end -}}
{{- end -}}

{{- define "hingecraft.image" -}}
{{- $image := .Values.image -}}
{{- $name := include "hingecraft.inRegistry" (dict "root" . "name" $image.repository "registry" $image.registry) -}}
{{- if $image.digest -}}
{{ $name }}@{{ $image.digest }}
{{- else -}}
{{ $name }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "hingecraft.pullSecrets" -}}
{{- $global := (.Values.global | default dict).imagePullSecrets | default list -}}
{{- $names := list -}}
{{- range concat $global .Values.imagePullSecrets .Values.image.pullSecrets -}}
{{- $names = append $names (kindIs "map" . | ternary (get (kindIs "map" . | ternary . dict) "name") .) -}}
{{- end -}}
{{- with uniq $names }}
imagePullSecrets:
{{- range . }}
- name: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* What a workload's pods run as: (dict "root" $ "account" .Values.api.serviceAccount "name" ...). */ -}}
{{- define "hingecraft.account" -}}
{{- .account.name | default (ternary .name "default" .account.create) -}}
{{- end -}}

{{- define "hingecraft.apiAccount" -}}
{{- include "hingecraft.account" (dict "account" .Values.api.serviceAccount "name" (printf "%s-api" (include "hingecraft.fullname" .))) -}}
{{- end -}}

{{- define "hingecraft.operatorAccount" -}}
{{- include "hingecraft.account" (dict "account" .Values.operator.serviceAccount "name" (printf "%s-operator" (include "hingecraft.fullname" .))) -}}
{{- end -}}

{{- define "hingecraft.reconcileAccount" -}}
{{- include "hingecraft.account" (dict "account" .Values.paymentRoutes.reconcile.serviceAccount "name" (printf "%s-reconcile" (include "hingecraft.fullname" .))) -}}
{{- end -}}

{{- /* The host of site.publicUrl without its port: IPv6 addresses keep their brackets, which the checks look for. */ -}}
{{- define "hingecraft.host" -}}
{{- regexReplaceAll ":[0-9]+$" (urlParse .Values.site.publicUrl).host "" | lower -}}
{{- end -}}

{{- /* What a browser calls the origin of site.url: no path, no port that goes without saying. */ -}}
{{- define "hingecraft.siteOrigin" -}}
{{- $url := urlParse .Values.site.url -}}
{{- $scheme := lower $url.scheme -}}
{{- $usual := ternary ":443" ":80" (eq $scheme "https") -}}
{{ $scheme }}://{{ lower $url.host | trimSuffix $usual }}
{{- end -}}

{{- /* The namespaces that the operator serves. */ -}}
{{- define "hingecraft.watched" -}}
{{- if .Values.operator.watchNamespaces -}}
{{ join "," .Values.operator.watchNamespaces }}
{{- else -}}
{{ include "hingecraft.namespace" . }}
{{- end -}}
{{- end -}}
