// Wix's own channel to its dashboard. From here on Wix sets the height of the frame to that of the page.
import { dashboard } from '@wix/dashboard';
import { createClient } from '@wix/sdk';

export const wix = createClient({ host: dashboard.host(), auth: dashboard.auth(), modules: { dashboard } });
