import { Heading, WixDesignSystemProvider } from '@wix/design-system';
import { Suspense, useEffect, useRef } from 'react';

import { shownLater } from './data/later';
import { useConnection } from './data/resource';
import { addressOf, PAGES, type PageName, usePlace } from './navigation';
import { Overview } from './pages/Overview';
import { Notice } from './parts/Notice';
import { Toasts } from './parts/Toasts';
import { connect } from './wix/frame';
import { instance, locale } from './wix/place';

const Payments = shownLater(() => import('./pages/Payments'));
const Routes = shownLater(() => import('./pages/Routes'));
const Credits = shownLater(() => import('./pages/Credits'));
const Jobs = shownLater(() => import('./pages/Jobs'));
const Settings = shownLater(() => import('./pages/Settings'));

const SHOWN = { overview: Overview, payments: Payments, routes: Routes, credits: Credits, jobs: Jobs, settings: Settings };

export function App() {
  // After the first rendering, since Wix gives the frame the height that the page has then.
  useEffect(connect, []);
  return (
    <WixDesignSystemProvider locale={locale}>
      <div className="page">
        <Header />
        {instance ? <Main /> : <NotFromWix />}
      </div>
      <Toasts />
    </WixDesignSystemProvider>
  );
}

function Header() {
  const { page } = usePlace();
  return (
    <header>
      <div className="title">
        <Heading as="h1" size="large">
          HingeCraft payments
        </Heading>
        {instance && <Freshness />}
      </div>
      {instance && (
        <nav aria-label="Pages of the dashboard">
          {Object.entries(PAGES).map(([name, label]) => (
            <a key={name} href={addressOf(name as PageName)} aria-current={name === page ? 'page' : undefined}>
              {label}
            </a>
          ))}
        </nav>
      )}
    </header>
  );
}

const FRESHNESS = { live: 'Live', polling: 'Updated every 15 seconds', offline: 'Offline' };

function Freshness() {
  const connection = useConnection();
  return (
    <p className={`freshness ${connection}`} role="status">
      {FRESHNESS[connection]}
    </p>
  );
}

function Main() {
  const { page } = usePlace();
  const connection = useConnection();
  const Shown = SHOWN[page];
  return (
    <main ref={useFocusOfNewPage(page)} tabIndex={-1} aria-label={PAGES[page]}>
      {connection === 'offline' && (
        <Notice kind="warning" title="You’re offline">
          You see what was loaded before. It updates when you’re back online.
        </Notice>
      )}
      <Suspense
        fallback={
          <div className="loading" role="status">
            Loading…
          </div>
        }
      >
        <Shown />
      </Suspense>
    </main>
  );
}

/** A screen reader goes on reading at the page that was chosen. */
function useFocusOfNewPage(page: PageName) {
  const main = useRef<HTMLElement>(null);
  const before = useRef(page);
  useEffect(() => {
    if (before.current !== page) main.current?.focus({ preventScroll: true });
    before.current = page;
  }, [page]);
  return main;
}

function NotFromWix() {
  return (
    <main aria-label="How to open the dashboard">
      <Notice kind="standard" title="Open this page in Wix">
        In your site’s dashboard at Wix, choose Apps, then this app. Wix tells us then which site is yours.
      </Notice>
    </main>
  );
}
