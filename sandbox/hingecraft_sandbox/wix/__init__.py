"""A stand-in for Wix: the app market, the API for apps, billing, and signed webhooks."""

# Where Wix's API is: WIX_API_BASE is the sandbox's address and this.
PREFIX = "/wix"
# What the log says when somebody opens the app's dashboard; `hingecraft dev` builds it then.
DASHBOARD_OPENED = "the dashboard was opened"
