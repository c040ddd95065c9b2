// Made of wix/html/source by "make generate": change it there.
// html/source/plan-sessions.js
var KEPT_AS = "plan_session_client";
var CARRIED_AS = "plan_session";
var CARRIED = /(?:^|[#&])plan_session=([^&]*)/;
var PATH = "/api/v1/plan-session";
var ANSWER_WITHIN_MS = 15e3;
var PlanSessionError = class extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = "PlanSessionError";
    this.code = code;
  }
};
function ifAllowed(work) {
  try {
    return work();
  } catch {
    return null;
  }
}
function readToken(token) {
  const parts = String(token).split(".");
  const claims = ifAllowed(() => JSON.parse(decoded(parts[1])));
  if (parts.length !== 3 || typeof claims?.priceId !== "string" || !(claims.exp * 1e3 > Date.now())) return null;
  const { priceId, planType, metadata, exp } = claims;
  return { token: String(token), priceId, planType, metadata: metadata ?? {}, expiresAt: new Date(exp * 1e3).toISOString() };
}
function decoded(part) {
  const bytes = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
  return new TextDecoder().decode(Uint8Array.from(bytes, (letter) => letter.charCodeAt(0)));
}
var PLACES = [
  {
    read: () => document.cookie.match(new RegExp(`(?:^|; )${KEPT_AS}=([^;]*)`))?.[1] ?? null,
    write(token, seconds) {
      const secure = location.protocol === "https:" ? "; Secure" : "";
      document.cookie = `${KEPT_AS}=${token}; Path=/; Max-Age=${seconds}; SameSite=Lax${secure}`;
    },
    clear() {
      document.cookie = `${KEPT_AS}=; Path=/; Max-Age=0; SameSite=Lax`;
    }
  },
  {
    read: () => localStorage.getItem(KEPT_AS),
    write: (token) => localStorage.setItem(KEPT_AS, token),
    clear: () => localStorage.removeItem(KEPT_AS)
  }
];
var inThisPage = null;
function keep({ token, expiresAt }) {
  inThisPage = token;
  const seconds = Math.max(1, Math.floor((Date.parse(expiresAt) - Date.now()) / 1e3));
  for (const place of PLACES) ifAllowed(() => place.write(token, seconds));
}
function clear() {
  inThisPage = null;
  for (const place of PLACES) ifAllowed(() => place.clear());
}
function takeCarried() {
  const found = CARRIED.exec(location.hash);
  if (!found) return;
  const rest = location.hash.replace(found[0], "").replace(/^[#&]+/, "");
  const address = location.pathname + location.search + (rest && `#${rest}`);
  ifAllowed(() => history.replaceState(history.state, "", address));
  const session = readToken(ifAllowed(() => decodeURIComponent(found[1])));
  if (session) keep(session);
}
function kept() {
  const tokens = [...PLACES.map((place) => ifAllowed(() => place.read())), inThisPage].filter(Boolean);
  for (const token of tokens) {
    const session = readToken(token);
    if (session) return session;
  }
  if (tokens.length > 0) clear();
  return null;
}
async function asked(address, options) {
  let response;
  try {
    response = await fetch(address, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS), ...options });
  } catch {
    throw new PlanSessionError("unreachable", "The backend cannot be reached. Try again in a minute.");
  }
  const answer = await response.json().catch(() => null);
  if (answer?.success) return answer.data;
  throw new PlanSessionError(answer?.code ?? "unreachable", answer?.error ?? `The backend answered ${response.status}.`);
}
async function carried(backend, url) {
  const target = new URL(url, location.href);
  const { returnOrigins } = await asked(`${backend}/config`, {});
  if (!returnOrigins.includes(target.origin) || target.username || target.password)
    throw new PlanSessionError("return_not_allowed", `${target.origin} is not in RETURN_ORIGINS of the backend.`);
  const session = kept();
  if (!session) return target.href;
  const before = target.hash.replace(CARRIED, "").replace(/^[#&]+/, "");
  target.hash = `${before && `${before}&`}${CARRIED_AS}=${session.token}`;
  return target.href;
}
function planSessions(backend) {
  takeCarried();
  addEventListener("hashchange", takeCarried);
  return {
    /**
     * Keep a choice for 15 minutes. Rejects with a PlanSessionError if the backend does.
     * @param {string} priceId
     * @param {string} planType
     * @param {Record<string, string>} [metadata]
     * @returns {Promise<PlanSession>}
     */
    async setPlanSession(priceId, planType, metadata = {}) {
      const body = JSON.stringify({ priceId, planType, metadata });
      const headers = { "Content-Type": "application/json" };
      const { token, expiresAt } = await asked(backend + PATH, { method: "POST", body, headers, credentials: "include" });
      const session = { token, priceId, planType, metadata, expiresAt };
      keep(session);
      return session;
    },
    /** @returns {PlanSession | null} null if nothing was chosen, or if it has expired, and then it is cleared */
    getPlanSession() {
      takeCarried();
      return kept();
    },
    /** Forget the choice, here and in the backend's cookie. Never rejects. @returns {Promise<void>} */
    async clearPlanSession() {
      clear();
      await asked(backend + PATH, { method: "DELETE", credentials: "include" }).catch(() => void 0);
    },
    /** @param {string | URL} url */
    carryPlanSession: (url) => carried(backend, url)
  };
}

// html/source/plan-session.js
var { setPlanSession, getPlanSession, clearPlanSession, carryPlanSession } = planSessions(
  new URL(import.meta.url).origin
);
export {
  PlanSessionError,
  carryPlanSession,
  clearPlanSession,
  getPlanSession,
  KEPT_AS as plan_session_client,
  setPlanSession
};
