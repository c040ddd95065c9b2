{{- /* What leads in and out: the proxy, the Service, names. */ -}}
{{- define "hingecraft.checkProxy" -}}
{{- $proxy := .Values.proxy -}}
{{- range $name := list "httpsProxy" "httpProxy" -}}
{{- with get $proxy $name -}}
{{- if contains "@" . -}}
{{- fail (printf "proxy.%s has a user or password, which Helm would keep in its history: put the address into a Secret under the key HTTPS_PROXY, and name it in proxy.secret" $name) -}}
{{- end -}}
{{- if not (regexMatch "^https?://([^/:\\s]+|\\[[0-9a-fA-F:]+\\])(:[0-9]+)?/?$" .) -}}
{{- fail (printf "proxy.%s is %s, but it must be the address of an http or https proxy such as http://proxy.example.com:3128" $name .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $proxy.secret $proxy.httpsProxy -}}
{{- fail "proxy.secret and proxy.httpsProxy are both set: leave one of them empty" -}}
{{- end -}}
{{- if and $proxy.secret .Values.networkPolicies.enabled (not .Values.networkPolicies.egress.proxy.ports) -}}
{{- fail "networkPolicies.egress.proxy.ports is empty, and the chart cannot see the proxy's port in proxy.secret: give it, such as [3128]" -}}
{{- end -}}
{{- end -}}

{{- define "hingecraft.checkService" -}}
{{- $service := .Values.api.service -}}
{{- $balanced := eq $service.type "LoadBalancer" -}}
{{- $outside := ne $service.type "ClusterIP" -}}
{{- if and (or $service.nodePort $service.externalTrafficPolicy) (not $outside) -}}
{{- fail "api.service.nodePort and externalTrafficPolicy need api.service.type NodePort or LoadBalancer" -}}
{{- end -}}
{{- if and (or $service.loadBalancerClass $service.loadBalancerSourceRanges) (not $balanced) -}}
{{- fail "api.service.loadBalancerClass and loadBalancerSourceRanges need api.service.type LoadBalancer" -}}
{{- end -}}
{{- end -}}

{{- define "hingecraft.checkNames" -}}
{{- $values := .Values -}}
{{- range $path, $workload := dict "api" $values.api "operator" $values.operator "migrate" $values.migrate "crds" $values.crds "check" $values.check "paymentRoutes.reconcile" $values.paymentRoutes.reconcile -}}
{{- if and (eq ($workload.dnsPolicy | default "") "None") (not $workload.dnsConfig.nameservers) -}}
{{- fail (printf "%s.dnsPolicy is None, so %s.dnsConfig.nameservers must have an address" $path $path) -}}
{{- end -}}
{{- end -}}
{{- if and $values.ingress.enabled (not $values.ingress.paths) -}}
{{- fail "ingress.paths is empty, so the Ingress would serve nothing: leave it out for every path" -}}
{{- end -}}
{{- range concat $values.ingress.extraHosts (list) -}}
{{- if eq .host (include "hingecraft.host" $) -}}
{{- fail (printf "ingress.extraHosts has %s, which is already the host of site.publicUrl: remove it" .host) -}}
{{- end -}}
{{- end -}}
{{- if has (include "hingecraft.host" .) $values.httpRoute.extraHosts -}}
{{- fail (printf "httpRoute.extraHosts has %s, which is already the host of site.publicUrl: remove it" (include "hingecraft.host" .)) -}}
{{- end -}}
{{- end -}}

{{- /* What a PaymentRoutes resource cannot say, or says itself. */ -}}
{{- define "hingecraft.checkReconcile" -}}
{{- $reconcile := .Values.paymentRoutes.reconcile -}}
{{- range $reconcile.extraVolumes -}}
{{- $kinds := without (keys .) "name" -}}
{{- if or (ne (len $kinds) 1) (not (has (first $kinds) (list "configMap" "secret" "projected" "csi" "emptyDir"))) -}}
{{- fail (printf "paymentRoutes.reconcile.extraVolumes has %s, but the Jobs accept only configMap, secret, projected, csi and emptyDir, one per volume" .name) -}}
{{- end -}}
{{- end -}}
{{- range $reconcile.extraEnv -}}
{{- if has (trimSuffix "_FILE" .name) (list "DATABASE_URL" "AMOUNT_MIN" "AMOUNT_MAX") -}}
{{- fail (printf "paymentRoutes.reconcile.extraEnv sets %s, which the operator sets itself: use database.secret and api.amounts" .name) -}}
{{- end -}}
{{- end -}}
{{- $names := dict "reconcile" "the Job's own container" -}}
{{- range $list := list "initContainers" "extraContainers" -}}
{{- range $container := get $reconcile $list -}}
{{- with get $names $container.name -}}
{{- fail (printf "paymentRoutes.reconcile.%s has %s, which is the name of %s too: use another name" $list $container.name .) -}}
{{- end -}}
{{- $_ := set $names $container.name "another container" -}}
{{- end -}}
{{- end -}}
{{- if and (not .Values.providers.secret) (or $reconcile.extraEnv $reconcile.envFrom $reconcile.extraVolumes $reconcile.extraVolumeMounts $reconcile.extraContainers $reconcile.initContainers) -}}
{{- fail "paymentRoutes.reconcile has settings, but the reconciliation runs only with providers.secret: set it to the name of a Secret with the providers' keys" -}}
{{- end -}}
{{- end -}}
