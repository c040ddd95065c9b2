// The states of everything that comes from the backend: loading, failed, stale, there.
import { Loader } from '@wix/design-system';
import type { ReactNode } from 'react';

import { type Resource, useConnection } from '../data/resource';
import { clock } from '../format';
import { instance } from '../wix/place';
import { Notice } from './Notice';

interface Props<T> {
  resource: Resource<T>;
  /** What is loading, such as "payments". */
  what: string;
  children: (data: T) => ReactNode;
}

export function Loaded<T>({ resource, what, children }: Props<T>) {
  const { data, at, error, reload } = resource;
  // The page says so itself then, and everything is read again when the connection is back.
  const isOffline = useConnection() === 'offline';
  const again = isOffline ? {} : { action: { label: 'Try again', onClick: () => void reload() } };
  if (data === undefined) {
    if (error?.code === 'not_owner') return <NotOwner what={what} />;
    if (error)
      return (
        <Notice kind="danger" title={`The ${what} can’t be shown`} {...again}>
          {error.message}
        </Notice>
      );
    return (
      <div className="loading" role="status">
        <Loader size="small" />
        <span>{`Loading ${what}…`}</span>
      </div>
    );
  }
  return (
    <>
      {error && !isOffline && (
        <Notice kind="warning" title={`Last updated at ${clock(at)}`} {...again}>
          {error.message}
        </Notice>
      )}
      {children(data)}
    </>
  );
}

function NotOwner({ what }: { what: string }) {
  const [, payload = ''] = instance.split('.');
  return (
    <Notice kind="standard" title={`This site doesn’t show ${what}`}>
      Payments are shown only to the sites that are named in the payments backend’s settings. To see them here, add{' '}
      {payload ? <code>{instanceIdOf(payload)}</code> : 'this site’s instance id'} to <code>WIX_OWNER_INSTANCES</code>. Credits,
      jobs and settings of this site work without it.
    </Notice>
  );
}

function instanceIdOf(payload: string): string {
  try {
    const text = atob(payload.replaceAll('-', '+').replaceAll('_', '/'));
    return (JSON.parse(text) as { instanceId?: string }).instanceId ?? '';
  } catch {
    return 'this site’s instance id';
  }
}
