{{- /* What the operator may do in a namespace: (dict "root" $ "namespace" "pay"). */ -}}
{{- define "hingecraft.operatorRules" -}}
- apiGroups: [payments.hingecraft.io]
  resources: [paymentroutes]
  verbs: [get, list, watch]
- apiGroups: [payments.hingecraft.io]
  resources: [paymentroutes/status]
  verbs: [patch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
# Those that a resource names, one by one: never listed, never watched.
- apiGroups: [""]
  resources: [secrets]
  {{- with include "hingecraft.knownSecrets" . }}
  resourceNames: {{ . }}
  {{- end }}
  verbs: [get]
- apiGroups: [batch]
  resources: [cronjobs]
  verbs: [get, list, watch, create, patch, update, delete]
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}

{{- /* The Secrets that the release's own resource names; empty where any may be named, as in other namespaces. */ -}}
{{- define "hingecraft.knownSecrets" -}}
{{- $values := .root.Values -}}
{{- $names := $values.operator.secrets -}}
{{- if $values.paymentRoutes.enabled -}}
{{- $names = concat $names (list $values.database.secret $values.api.secret $values.paymentRoutes.webhookSecret $values.providers.secret) $values.paymentRoutes.reconcile.extraSecrets -}}
{{- range $values.paymentRoutes.extraSpec.webhooks -}}
{{- $names = append $names (dig "secretRef" "name" "" .) -}}
{{- end -}}
{{- end -}}
{{- $names = without $names "" | uniq | sortAlpha -}}
{{- if and $names (not (has "*" $names)) (eq .namespace (include "hingecraft.namespace" .root)) -}}
{{ toJson $names }}
{{- end -}}
{{- end -}}

{{- /* Before an installation and each upgrade: (dict "weight" "-20"), and "rollback" true for before that too. */ -}}
{{- define "hingecraft.before" -}}
helm.sh/hook: pre-install,pre-upgrade{{ if .rollback }},pre-rollback{{ end }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded{{ if .rollback }},hook-failed{{ end }}
helm.sh/hook-weight: {{ .weight | quote }}
{{- end -}}

{{- /* Egress to one of networkPolicies.egress: (dict "root" $ "way" "database"), and "protocols" where it is not TCP. */ -}}
{{- define "hingecraft.egress" -}}
{{- $way := get .root.Values.networkPolicies.egress .way -}}
{{- $protocols := .protocols | default (list "TCP") -}}
{{- $ports := $way.ports -}}
{{- if eq .way "proxy" -}}
{{- $ports = include "hingecraft.proxyPorts" .root | splitList " " -}}
{{- end -}}
{{- if $ports }}
- ports:
  {{- range $port := $ports }}
  {{- range $protocols }}
  - port: {{ $port }}
    protocol: {{ . }}
  {{- end }}
  {{- end }}
  {{- if $way.to }}
  to:
    {{- toYaml $way.to | nindent 4 }}
  {{- else if and (eq .way "database") .root.Values.postgres.enabled (not .anywhere) }}
  to:
  - podSelector:
      matchLabels:
        {{- include "hingecraft.selector" (dict "root" .root "component" "postgres") | nindent 8 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- /* The ports of the proxy, with a space between; empty where there is none. */ -}}
{{- define "hingecraft.proxyPorts" -}}
{{- $proxy := .Values.proxy -}}
{{- if or $proxy.httpsProxy $proxy.httpProxy $proxy.secret -}}
{{- $ports := list -}}
{{- range without (list $proxy.httpsProxy $proxy.httpProxy) "" -}}
{{- $url := urlParse . -}}
{{- $default := ternary "443" "80" (eq $url.scheme "https") -}}
{{- $ports = append $ports (regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default $default) -}}
{{- end -}}
{{- .Values.networkPolicies.egress.proxy.ports | default $ports | uniq | join " " -}}
{{- end -}}
{{- end -}}

{{- /* What a component may connect to: (dict "root" $ "ways" (list "database" "https")). Names are always resolved.
"anywhere" true: its databases are not only the Postgres in this chart. */ -}}
{{- define "hingecraft.outside" -}}
{{- include "hingecraft.egress" (dict "root" .root "way" "dns" "protocols" (list "UDP" "TCP")) }}
{{- $ways := .ways -}}
{{- if and (has "https" $ways) (include "hingecraft.proxyPorts" .root) -}}
{{- $ways = append $ways "proxy" -}}
{{- end -}}
{{- range uniq $ways }}
{{- include "hingecraft.egress" (dict "root" $.root "way" . "anywhere" $.anywhere) }}
{{- end }}
{{- with .root.Values.networkPolicies.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}
