import { app } from '@wix/astro/builders';
import { donations } from './dashboard/donations.extension';
import { donate } from './widget/donate.extension';

export default app().use(donations).use(donate);
