import '@wix/design-system/styles.global.css';
import './fonts.css';
import './dashboard.css';
import './forms.css';
import './lists.css';

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './App';
import { startLive } from './data/live';
import { direction, instance } from './wix/place';

document.documentElement.dir = direction;
if (instance) startLive();
createRoot(document.getElementById('dashboard') as HTMLElement).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
