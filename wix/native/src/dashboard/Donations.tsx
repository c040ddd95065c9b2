// The backend's own dashboard, inside a page of this app. Wix gives this page the token; ours takes it from the address.
import { dashboard } from '@wix/dashboard';
import { createClient } from '@wix/sdk';
import { useEffect, useState } from 'react';
import { BACKEND } from '../backend';

const wix = createClient({ host: dashboard.host(), auth: dashboard.auth(), modules: { dashboard } });
// A token lives four hours.
const RENEWED_AFTER_MS = 3.5 * 60 * 60 * 1000;

function address(token: string): string {
  const query = new URLSearchParams({ instance: token, locale: navigator.language, viewMode: 'dashboard' });
  return `${BACKEND}/wix-dashboard?${query}`;
}

export default function Donations() {
  const [token, setToken] = useState<string>();
  const [hasFailed, setHasFailed] = useState(false);
  useEffect(() => {
    const renew = () => wix.dashboard.getAccessToken().then(setToken, () => setHasFailed(true));
    void renew();
    const timer = setInterval(renew, RENEWED_AFTER_MS);
    return () => clearInterval(timer);
  }, []);
  if (hasFailed && !token) return <p role="alert">Wix gave no token. Reload the page.</p>;
  if (!token) return <p>Loading…</p>;
  return (
    <iframe
      src={address(token)}
      title="Donations"
      referrerPolicy="no-referrer"
      style={{ border: 0, display: 'block', height: 1600, width: '100%' }}
    />
  );
}
