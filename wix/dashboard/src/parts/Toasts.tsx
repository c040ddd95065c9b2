// Messages after an action, where the page is not in Wix's frame; there Wix shows them.
import { useEffect, useState } from 'react';

import { showToastsWith, type ToastKind } from '../wix/frame';

const SHOWN_MS = 6_000;

export function Toasts() {
  const [shown, setShown] = useState<{ message: string; kind: ToastKind } | null>(null);
  useEffect(() => showToastsWith((message, kind) => setShown({ message, kind })), []);
  useEffect(() => {
    if (!shown) return undefined;
    const timer = setTimeout(() => setShown(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  return (
    <div className="toasts" role="status">
      {shown && <p className={`toast ${shown.kind}`}>{shown.message}</p>}
    </div>
  );
}
