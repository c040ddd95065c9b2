{{- /* The settings of a pod of the API. */ -}}
{{- define "hingecraft.apiEnv" -}}
{{ include "hingecraft.commonEnv" . }}
- name: SITE_URL
  value: {{ .Values.site.url | trimSuffix "/" | quote }}
- name: PUBLIC_URL
  value: {{ .Values.site.publicUrl | trimSuffix "/" | quote }}
- name: CORS_ORIGINS
  value: {{ .Values.site.origins | default (list (include "hingecraft.siteOrigin" .)) | join "," | quote }}
{{- with .Values.site.returnOrigins }}
- name: RETURN_ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.site.embedOrigins }}
- name: EMBED_ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
- name: TRUSTED_PROXIES
  value: {{ join "," .Values.api.trustedProxies | quote }}
- name: DATABASE_POOL_MIN
  value: {{ .Values.api.pool.min | quote }}
- name: DATABASE_POOL_MAX
  value: {{ .Values.api.pool.max | quote }}
- name: RATE_LIMIT
  value: {{ .Values.api.rateLimits.visitor | quote }}
- name: RATE_LIMIT_ROUTES
  value: {{ .Values.api.rateLimits.routes | quote }}
- name: RATE_LIMIT_SITE
  value: {{ .Values.api.rateLimits.site | int | quote }}
{{- with .Values.api.amounts.min }}
- name: AMOUNT_MIN
  value: {{ . | quote }}
{{- end }}
{{- with .Values.api.amounts.max }}
- name: AMOUNT_MAX
  value: {{ . | quote }}
{{- end }}
# Files, so that an edited Secret is taken up without a restart.
- name: DATABASE_URL_FILE
  value: /secrets/database/DATABASE_URL
{{- range list "ADMIN_TOKEN" "PUSH_SECRET" "VISITOR_SECRET" }}
- name: {{ . }}_FILE
  value: /secrets/api/{{ . }}
{{- end }}
{{- with .Values.api.auth }}
{{- if .jwtSecret }}
- name: AUTH_JWT_SECRET_FILE
  value: /secrets/auth-jwt/AUTH_JWT_SECRET
{{- end }}
{{- with .jwksUrl }}
- name: AUTH_JWKS_URL
  value: {{ . | quote }}
{{- end }}
{{- with .issuers }}
- name: AUTH_JWT_ISSUER
  value: {{ join "," . | quote }}
{{- end }}
{{- if or .jwtSecret .jwksUrl }}
- name: AUTH_JWT_AUDIENCE
  value: {{ .audience | quote }}
{{- end }}
{{- if .serviceSecret }}
- name: SERVICE_TOKEN_FILE
  value: /secrets/auth-service/SERVICE_TOKEN
{{- end }}
{{- end }}
{{- with .Values.api.planSessions }}
{{- if .secret }}
- name: JWT_SECRET_FILE
  value: /secrets/plan-sessions/JWT_SECRET
{{- end }}
{{- with .cookieDomain }}
- name: COOKIE_DOMAIN
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- with .Values.api.wixApp }}
{{- if .id }}
- name: WIX_APP_ID
  value: {{ .id | quote }}
{{- range list "WIX_APP_SECRET" "WIX_APP_PUBLIC_KEY" }}
- name: {{ . }}_FILE
  value: /secrets/wix-app/{{ . }}
{{- end }}
- name: WIX_INSTANCE_CHECK
  value: {{ .instanceCheck | quote }}
- name: WIX_API_BASE
  value: {{ .apiBase | quote }}
{{- with .installationsUrl }}
- name: WIX_INSTALLATIONS_URL
  value: {{ . | quote }}
{{- end }}
{{- with .ownerInstances }}
- name: WIX_OWNER_INSTANCES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .planPrices }}
- name: WIX_PLAN_PRICES
  value: {{ join "," . | quote }}
{{- end }}
{{- with .marketUrl }}
- name: WIX_APP_MARKET_URL
  value: {{ . | quote }}
{{- end }}
{{- if .biEvents }}
- name: WIX_BI_EVENTS
  value: "true"
{{- end }}
{{- with .dashboardOrigins }}
- name: WIX_DASHBOARD_ORIGINS
  value: {{ join "," . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.api.downloads }}
- name: RENEWAL_GRACE_HOURS
  value: {{ .renewalGraceHours | quote }}
{{- if .location }}
- name: DOWNLOADS
  value: {{ .location | quote }}
- name: DOWNLOAD_URL_SECONDS
  value: {{ .urlSeconds | int | quote }}
- name: S3_REGION
  value: {{ .s3.region | quote }}
{{- with .s3.endpoint }}
- name: S3_ENDPOINT
  value: {{ . | trimSuffix "/" | quote }}
{{- end }}
{{- end }}
{{- if .secret }}
- name: DOWNLOAD_SECRET_FILE
  value: /secrets/downloads/DOWNLOAD_SECRET
{{- end }}
{{- if .s3.secret }}
{{- range list "S3_ACCESS_KEY_ID" "S3_SECRET_ACCESS_KEY" }}
- name: {{ . }}_FILE
  value: /secrets/s3/{{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.api.valkeySecret }}
- name: VALKEY_URL_FILE
  value: /secrets/valkey/VALKEY_URL
{{- end }}
{{- if .Values.providers.stripe.enabled }}
{{- range list "STRIPE_SECRET" "STRIPE_PUBLISHABLE_KEY" "STRIPE_WEBHOOK_SECRET" }}
- name: {{ . }}_FILE
  value: /secrets/providers/{{ . }}
{{- end }}
{{- with .Values.providers.stripe.apiBase }}
- name: STRIPE_API_BASE
  value: {{ . | quote }}
{{- end }}
{{- with .Values.providers.stripe.js }}
- name: STRIPE_JS
  value: {{ . | quote }}
{{- end }}
{{- with .Values.providers.stripe.portalConfiguration }}
- name: STRIPE_PORTAL_CONFIGURATION
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- if .Values.providers.nowpayments.enabled }}
{{- range list "NOWPAYMENTS_API_KEY" "NOWPAYMENTS_IPN_SECRET" }}
- name: {{ . }}_FILE
  value: /secrets/providers/{{ . }}
{{- end }}
{{- with .Values.providers.nowpayments.apiBase }}
- name: NOWPAYMENTS_API_BASE
  value: {{ . | quote }}
{{- end }}
{{- end }}
{{- end -}}
