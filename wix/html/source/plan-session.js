// `/assets/plan-session.js`: the backend is where this module was loaded from.
import { planSessions } from './plan-sessions.js';

export { KEPT_AS as plan_session_client, PlanSessionError } from './plan-sessions.js';
export const { setPlanSession, getPlanSession, clearPlanSession, carryPlanSession } = planSessions(
  new URL(import.meta.url).origin,
);
