{{- /* What a schema cannot say in a sentence that helps. */ -}}
{{- define "hingecraft.check" -}}
{{- $values := .Values -}}
{{- if not $values.site.url -}}
{{- fail "site.url is not set: give the address of the site that donors come from, such as --set site.url=https://www.example.com" -}}
{{- end -}}
{{- if not $values.site.publicUrl -}}
{{- fail "site.publicUrl is not set: give the address at which providers and the site reach this backend, such as --set site.publicUrl=https://pay.example.com" -}}
{{- end -}}
{{- if not $values.database.secret -}}
{{- fail "database.secret is not set: name a Secret of this namespace whose key DATABASE_URL says where Postgres is" -}}
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
{{- if gt (int $values.api.pool.min) (int $values.api.pool.max) -}}
{{- fail "api.pool.min must not be more than api.pool.max" -}}
{{- end -}}
{{- if and $values.paymentRoutes.webhooks (not $values.paymentRoutes.webhookSecret) -}}
{{- fail "paymentRoutes.webhookSecret is not set: name a Secret of this namespace whose key WEBHOOK_SECRET signs what the webhooks get" -}}
{{- end -}}
{{- if and $values.httpRoute.enabled (not $values.httpRoute.parentRefs) -}}
{{- fail "httpRoute.parentRefs is empty: name the Gateway that serves the route" -}}
{{- end -}}
{{- if and $values.monitoring.rules.enabled (not $values.monitoring.rules.runbooks) -}}
{{- fail "monitoring.rules.runbooks is not set: give the address at which docs/runbooks can be read, so that each alert can link there" -}}
{{- end -}}
{{- if and $values.postgres.enabled (not $values.postgres.secret) -}}
{{- fail "postgres.secret is not set: name a Secret of this namespace whose key POSTGRES_PASSWORD is the password of the user hingecraft" -}}
{{- end -}}
{{- if and $values.paymentRoutes.enabled (not $values.operator.enabled) (not $values.paymentRoutes.servedElsewhere) -}}
{{- fail "paymentRoutes.enabled needs an operator: enable operator, or set paymentRoutes.servedElsewhere=true when one of another release watches this namespace" -}}
{{- end -}}
{{- end -}}
