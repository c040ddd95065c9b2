{{- /* What a schema cannot say in a sentence that helps. */ -}}
{{- define "hingecraft.check" -}}
{{- $values := .Values -}}
{{- if not $values.enabled -}}
{{- fail "enabled=false has an effect only in a parent chart: add condition: hingecraft.enabled to its dependency on this chart" -}}
{{- end -}}
{{- $fullname := include "hingecraft.fullname" . -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $fullname) -}}
{{- fail (printf "the objects of this release would be named %s, which Kubernetes refuses: set fullnameOverride to lower-case letters, digits and dashes that begin with a letter" $fullname) -}}
{{- end -}}
{{- if not $values.site.url -}}
{{- fail "site.url is not set: give the address of the site that donors come from, such as --set site.url=https://www.example.com" -}}
{{- end -}}
{{- if not $values.site.publicUrl -}}
{{- fail "site.publicUrl is not set: give the address at which providers and the site reach this backend, such as --set site.publicUrl=https://pay.example.com" -}}
{{- end -}}
{{- if not $values.database.secret -}}
{{- fail "database.secret is not set: name a Secret of this namespace with the key DATABASE_URL, the address of Postgres" -}}
{{- end -}}
{{- if not $values.api.secret -}}
{{- fail "api.secret is not set: name a Secret of this namespace with the keys ADMIN_TOKEN, PUSH_SECRET and VISITOR_SECRET" -}}
{{- end -}}
{{- if and (or $values.providers.stripe.enabled $values.providers.nowpayments.enabled) (not $values.providers.secret) -}}
{{- fail "providers.secret is not set: name a Secret of this namespace with the keys of the providers that are enabled, or disable them" -}}
{{- end -}}
{{- if gt (int $values.api.autoscaling.minReplicas) (int $values.api.autoscaling.maxReplicas) -}}
{{- fail "api.autoscaling.minReplicas must not be more than api.autoscaling.maxReplicas" -}}
{{- end -}}
{{- if and $values.api.autoscaling.enabled $values.api.autoscaling.external -}}
{{- fail "api.autoscaling.enabled and external are both true: two autoscalers would set the number of pods" -}}
{{- end -}}
{{- if gt (int $values.api.pool.min) (int $values.api.pool.max) -}}
{{- fail "api.pool.min must not be more than api.pool.max" -}}
{{- end -}}
{{- if and $values.paymentRoutes.webhooks (not $values.paymentRoutes.webhookSecret) -}}
{{- fail "paymentRoutes.webhookSecret is not set: name a Secret of this namespace with the key WEBHOOK_SECRET, which signs the webhooks" -}}
{{- end -}}
{{- if and $values.httpRoute.enabled (not $values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.parentRefs is empty: name the Gateway that serves the route" -}}
{{- end -}}
{{- include "hingecraft.checkAddresses" . -}}
{{- include "hingecraft.checkProxy" . -}}
{{- include "hingecraft.checkService" . -}}
{{- include "hingecraft.checkNames" . -}}
{{- include "hingecraft.checkReconcile" . -}}
{{- include "hingecraft.checkNamespaces" . -}}
{{- include "hingecraft.checkLabels" . -}}
{{- if and $values.monitoring.rules.enabled (not $values.monitoring.rules.runbooks) -}}
{{- fail "monitoring.rules.runbooks is not set: give the address at which docs/runbooks can be read, so that each alert can link there" -}}
{{- end -}}
{{- if and $values.postgres.enabled (not $values.postgres.secret) -}}
{{- fail "postgres.secret is not set: name a Secret of this namespace whose key POSTGRES_PASSWORD is the password of the user hingecraft" -}}
{{- end -}}
{{- if and $values.paymentRoutes.enabled (not $values.operator.enabled) (not $values.paymentRoutes.servedElsewhere) -}}
{{- fail "paymentRoutes.enabled needs an operator: enable operator, or set paymentRoutes.servedElsewhere=true if the operator of another release watches this namespace" -}}
{{- end -}}
{{- if and $values.monitoring.podMonitors.enabled $values.networkPolicies.enabled (not $values.networkPolicies.metricsFrom) -}}
{{- fail "networkPolicies.metricsFrom is empty, so Prometheus cannot reach what monitoring.podMonitors has it scrape: name its pods, such as [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}], or set networkPolicies.enabled=false" -}}
{{- end -}}
{{- if and $values.crds.upgrade (not $values.rbac.create) -}}
{{- fail "crds.upgrade needs rights that rbac.create=false does not make: set crds.upgrade=false and upgrade the chart hingecraft-crds first" -}}
{{- end -}}
{{- if and $values.postgres.enabled (include "hingecraft.onOpenshift" .) -}}
{{- fail "postgres.enabled does not work with the users that OpenShift chooses: use CloudNativePG or a managed Postgres, or allow the user 999 and set openshift.adaptSecurityContext=disabled" -}}
{{- end -}}
{{- if and $values.caBundle.configMap $values.caBundle.secret -}}
{{- fail "caBundle.configMap and caBundle.secret are both set: leave one of them empty" -}}
{{- end -}}
{{- end -}}

{{- define "hingecraft.checkAddresses" -}}
{{- $path := (urlParse .Values.site.publicUrl).path | trimSuffix "/" -}}
{{- $host := include "hingecraft.host" . -}}
{{- if or .Values.ingress.enabled .Values.httpRoute.enabled -}}
{{- if $path -}}
{{- fail (printf "site.publicUrl has the path %s, which neither the Ingress nor the HTTPRoute removes: give the backend its own host, or route to it yourself" $path) -}}
{{- end -}}
{{- if or (regexMatch "^[0-9.]+$" $host) (not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$" $host)) -}}
{{- fail (printf "site.publicUrl has the host %s, but an Ingress or HTTPRoute needs a DNS name such as pay.example.com" $host) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "hingecraft.checkNamespaces" -}}
{{- $watched := .Values.operator.watchNamespaces -}}
{{- $own := include "hingecraft.namespace" . -}}
{{- if and (has "*" $watched) (gt (len $watched) 1) -}}
{{- fail "operator.watchNamespaces has \"*\" and other namespaces: \"*\" stands for all of them, so it must be the only entry" -}}
{{- end -}}
{{- if and .Values.operator.enabled .Values.paymentRoutes.enabled (not .Values.paymentRoutes.servedElsewhere) $watched (not (has "*" $watched)) (not (has $own $watched)) -}}
{{- fail (printf "operator.watchNamespaces does not have %s, so no operator would serve this release's own PaymentRoutes: add it, or set paymentRoutes.enabled=false, or paymentRoutes.servedElsewhere=true when another operator watches it" $own) -}}
{{- end -}}
{{- end -}}

{{- /* Labels that selectors are made of, and those that would be there twice. */ -}}
{{- define "hingecraft.checkLabels" -}}
{{- $ours := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "app.kubernetes.io/version" "app.kubernetes.io/part-of" "app.kubernetes.io/managed-by" "helm.sh/chart" -}}
{{- $values := .Values -}}
{{- range $path, $labels := dict "commonLabels" $values.commonLabels "api.podLabels" $values.api.podLabels "api.service.labels" $values.api.service.labels "operator.podLabels" $values.operator.podLabels "migrate.podLabels" $values.migrate.podLabels "crds.podLabels" $values.crds.podLabels "check.podLabels" $values.check.podLabels "paymentRoutes.reconcile.podLabels" $values.paymentRoutes.reconcile.podLabels "ingress.labels" $values.ingress.labels "httpRoute.labels" $values.httpRoute.labels "monitoring.labels" $values.monitoring.labels "monitoring.dashboard.labels" $values.monitoring.dashboard.labels -}}
{{- range $name, $_ := $labels -}}
{{- if has $name $ours -}}
{{- fail (printf "%s sets the label %s, which the chart sets itself: use another name" $path $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
