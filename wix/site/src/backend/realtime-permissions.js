// Wix Studio asks here who may listen: anybody may hear of new routes, which are public.

/** @param {{name?: string}} channel */
export function realtime_check_permission(channel) {
  return { read: channel?.name === 'hingecraft-routes' };
}
