// The site that the owner has opened the dashboard for.
import { api, dataOf } from '../api/client';
import type { components } from '../api/schema';
import { type Resource, useResource } from './resource';

export type Status = components['schemas']['SiteStatusAnswer'];

export const useStatus = (): Resource<Status> => useResource('status', () => dataOf(api.GET('/api/v1/wix/user/status')));
