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

{{- define "hingecraft.beforeUpgrade" -}}
helm.sh/hook: pre-upgrade,pre-rollback
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded,hook-failed
{{- end -}}

{{- define "hingecraft.outside" -}}
- ports:
  - port: 53
    protocol: UDP
  - port: 53
    protocol: TCP
# Postgres, the providers, the site.
- ports:
  {{- range .Values.networkPolicies.egressPorts }}
  - port: {{ . }}
    protocol: TCP
  {{- end }}
{{- with .Values.networkPolicies.extraEgress }}
{{ toYaml . }}
{{- end }}
{{- end -}}
