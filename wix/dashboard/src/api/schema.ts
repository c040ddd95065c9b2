// Written from docs/openapi.json by "make generate".

export interface paths {
    "/api/v1/wix/user/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a site's plan and credits */
        get: operations["getApiVWixUserStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/credits/spend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Spend a site's credits */
        post: operations["postApiVWixCreditsSpend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a site's settings */
        get: operations["getApiVWixSettings"];
        /** Change a site's settings */
        put: operations["putApiVWixSettings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Report how the dashboard is used */
        post: operations["postApiVWixEvents"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/plans": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the plans of the Wix app */
        get: operations["getApiVWixPlans"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/billing/checkout-url": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Get the address of Wix's checkout */
        post: operations["postApiVWixBillingCheckoutUrl"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get the overview */
        get: operations["getApiVWixOverview"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/payments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List payments of the dashboard */
        get: operations["getApiVWixPayments"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/payments/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get the history of a payment */
        get: operations["getApiVWixPaymentsId"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/payments/{id}/refunds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Refund a payment */
        post: operations["postApiVWixPaymentsIdRefunds"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/routes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Get the state of the routes */
        get: operations["getApiVWixRoutes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/routes/currencies/{code}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Switch a currency */
        post: operations["postApiVWixRoutesCurrenciesCode"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/routes/providers/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Switch a provider */
        post: operations["postApiVWixRoutesProvidersName"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/routes/pin": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Pin a version of the routes */
        post: operations["postApiVWixRoutesPin"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/stream": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Follow changes */
        get: operations["getApiVWixStream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a site's jobs */
        get: operations["getApiVWixJobs"];
        put?: never;
        /** Begin a job */
        post: operations["postApiVWixJobs"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/jobs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read a job */
        get: operations["getApiVWixJobsId"];
        put?: never;
        post?: never;
        /** Cancel a job */
        delete: operations["deleteApiVWixJobsId"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/wix/jobs/{id}/result": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Download the file of an export */
        get: operations["getApiVWixJobsIdResult"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * SiteStatusAnswer
         * @description The plan and the credits of the site.
         */
        SiteStatusAnswer: {
            /** @description the site's instance id */
            userId: string;
            /** @description the owner's address, where Wix tells it */
            email: string | null;
            /** @description `free`, `starter`, `pro` or `agency` */
            plan: string;
            /** @description how the plan is paid: `monthly`, `yearly`, or longer, such as `two_years`; null: no plan */
            billingCycle: string | null;
            /** @description credits that can be spent */
            credits: number;
            /** @description credits spent in this billing period */
            creditsUsed: number;
            /** @description `wix`, or `none` without a paid plan */
            billingSource: string;
            /** @description true until the site pays for a plan */
            isTrial: boolean;
            /** @description what is left of the trial's credits, which do not expire */
            trialCreditsRemaining: number;
            /** @description when the billing period ends */
            currentPeriodEnd: string | null;
            /** @description whether the plan ends then */
            cancelAtPeriodEnd: boolean;
            /** @description when Wix said that a payment had failed; null: it is paid */
            paymentFailedAt: string | null;
        };
        /**
         * SiteSpentAnswer
         * @description The credits that are left; the same for each repeat of the reference.
         */
        SiteSpentAnswer: {
            /** @description credits that can be spent after it */
            credits: number;
        };
        /**
         * SiteSpendInput
         * @description Credits to spend.
         */
        SiteSpendInput: {
            /** @description how many credits */
            amount: number;
            /** @description names this spend for this site; a repeat with the same reference changes nothing */
            reference: string;
        };
        /**
         * SiteSettingsAnswer
         * @description All settings of the site. Null: the pages use their own text in the visitor's language, or show nothing.
         */
        SiteSettingsAnswer: {
            /** @description who receives the gifts */
            organizationName: string;
            /** @description the heading of the donation page; null: the page's own, in the visitor's language */
            pageTitle: string | null;
            /** @description the text below the heading; null: the page's own, in the visitor's language */
            pageText: string | null;
            /** @description what the thank-you page says besides the thanks; null: nothing */
            thankYouText: string | null;
            /** @description the amounts that the donation page offers, in `defaultCurrency`; other currencies have suitable ones */
            pageAmounts: (number | string)[];
            /** @description the currency that pages and widget begin with; null: that of the visitor's country */
            defaultCurrency: string | null;
            /** @description the colour of buttons and links, as #rrggbb; made darker or lighter where text could not be read */
            accentColor: string;
            /** @description the address for questions, shown on the donation page */
            contactEmail: string | null;
            /** @description the privacy notice, linked from the donation page */
            privacyUrl: string | null;
            /** @description the refund policy, linked from the donation page */
            refundUrl: string | null;
            /** @description the heading of the widget */
            widgetTitle: string;
            /**
             * @description the widget's colours
             * @enum {string}
             */
            widgetTheme: "light" | "dark";
            /** @description whether the widget has a border */
            widgetBorder: boolean;
            /** @description the amounts that the widget offers */
            widgetAmounts: (number | string)[];
            /** @description where those who run the backend can write to the owner; the backend itself sends no e-mails */
            notificationEmail: string | null;
        };
        /**
         * SiteSettingsInput
         * @description The settings to change; those that are left out stay as they are. An empty text or list restores the default.
         */
        SiteSettingsInput: {
            /**
             * @description who receives the gifts
             * @default null
             */
            organizationName?: string | null;
            /**
             * @description the heading of the donation page; null: the page's own, in the visitor's language
             * @default null
             */
            pageTitle?: string | null;
            /**
             * @description the text below the heading; null: the page's own, in the visitor's language
             * @default null
             */
            pageText?: string | null;
            /**
             * @description what the thank-you page says besides the thanks; null: nothing
             * @default null
             */
            thankYouText?: string | null;
            /**
             * @description the amounts that the donation page offers, in `defaultCurrency`; other currencies have suitable ones
             * @default null
             */
            pageAmounts?: (number | string)[] | null;
            /**
             * @description the currency that pages and widget begin with; null: that of the visitor's country
             * @default null
             */
            defaultCurrency?: string | null;
            /**
             * @description the colour of buttons and links, as #rrggbb; made darker or lighter where text could not be read
             * @default null
             */
            accentColor?: string | null;
            /**
             * @description the address for questions, shown on the donation page
             * @default null
             */
            contactEmail?: string | null;
            /**
             * @description the privacy notice, linked from the donation page
             * @default null
             */
            privacyUrl?: string | null;
            /**
             * @description the refund policy, linked from the donation page
             * @default null
             */
            refundUrl?: string | null;
            /**
             * @description the heading of the widget
             * @default null
             */
            widgetTitle?: string | null;
            /**
             * @description the widget's colours
             * @default null
             */
            widgetTheme?: ("light" | "dark") | null;
            /**
             * @description whether the widget has a border
             * @default null
             */
            widgetBorder?: boolean | null;
            /**
             * @description the amounts that the widget offers
             * @default null
             */
            widgetAmounts?: (number | string)[] | null;
            /**
             * @description where those who run the backend can write to the owner; the backend itself sends no e-mails
             * @default null
             */
            notificationEmail?: string | null;
        };
        /**
         * PageEventsAnswer
         * @description How many events were counted.
         */
        PageEventsAnswer: {
            /** @description how many */
            counted: number;
        };
        /**
         * PageEventsInput
         * @description Events, in any order.
         */
        PageEventsInput: {
            /** @description at most 50 */
            events: components["schemas"]["PageEvent"][];
        };
        /**
         * PageEvent
         * @description Something that was done in the dashboard.
         */
        PageEvent: {
            /**
             * @description Wix's number of the source
             * @default null
             */
            src?: number | null;
            /**
             * @description Wix's number of the event
             * @default null
             */
            evid?: number | null;
            /** @description what was done */
            eventName: string;
            /** @description when; milliseconds since 1970 are accepted too */
            timestamp: string | number;
            /**
             * @description not stored; send nothing personal
             * @default {}
             */
            params?: {
                [key: string]: string | number | boolean | null;
            };
        };
        /**
         * WixPlansAnswer
         * @description All plans, the free one first.
         */
        WixPlansAnswer: {
            /** @description from small to large */
            plans: components["schemas"]["WixPlanAnswer"][];
            /** @description of the prices */
            currency: string;
            /** @description where sites install the app */
            marketUrl: string;
        };
        /**
         * WixPlanAnswer
         * @description A plan with its credits and prices.
         */
        WixPlanAnswer: {
            /** @description `free`, `starter`, `pro` or `agency` */
            plan: string;
            /** @description credits of each billing period; of `free`, once */
            credits: number;
            /** @description the price of a month; null: only Wix's checkout shows it */
            monthly: number | null;
            /** @description the price of a year; null: only Wix's checkout shows it */
            yearly: number | null;
        };
        /**
         * CheckoutUrlAnswer
         * @description The URL of Wix's checkout.
         */
        CheckoutUrlAnswer: {
            /** @description open it in a new tab; it can be paid for 48 hours */
            checkoutUrl: string;
        };
        /**
         * CheckoutUrlInput
         * @description A plan, and how it is paid.
         */
        CheckoutUrlInput: {
            /** @description a plan's name or one of its variants, in any case */
            planId: string;
            /**
             * @description `monthly` or `yearly`; without it the ending of `planId` decides, else it is monthly
             * @default null
             */
            cycle?: string | null;
        };
        /**
         * OverviewAnswer
         * @description How giving goes.
         */
        OverviewAnswer: {
            /** @description the time zone of the days */
            zone: string;
            /**
             * @description the mode of `days`, `payments` and `medianSeconds`
             * @enum {string}
             */
            mode: "live" | "test";
            /**
             * Format: date-time
             * @description the moment that everything here is about
             */
            asOf: string;
            /** @description the days that were asked for */
            current: components["schemas"]["OverviewPeriodAnswer"];
            /** @description as many days before them, to compare */
            previous: components["schemas"]["OverviewPeriodAnswer"];
            /** @description in order of day and currency; a day without money is left out */
            days: components["schemas"]["DayAnswer"][];
            /** @description what needs attention now; empty: nothing does */
            attention: components["schemas"]["AttentionAnswer"][];
        };
        /**
         * OverviewPeriodAnswer
         * @description One period.
         */
        OverviewPeriodAnswer: {
            /** @description the first day */
            from: string;
            /** @description the last day */
            to: string;
            /** @description by mode and currency, real money first */
            totals: components["schemas"]["CurrencyTotalAnswer"][];
            /** @description how payments went, in `mode` */
            payments: components["schemas"]["AttemptsAnswer"];
            /** @description half of the newest five hundred payments took at most this from the beginning until the money was booked; null: nothing was paid */
            medianSeconds: number | null;
        };
        /**
         * CurrencyTotalAnswer
         * @description The money that was booked in one currency and mode.
         */
        CurrencyTotalAnswer: {
            /** @description the currency's code */
            currency: string;
            /**
             * @description real money or test payments
             * @enum {string}
             */
            mode: "live" | "test";
            /** @description how many times money came in */
            count: number;
            /** @description what came in: a number; a quantity of coins is text */
            received: number | string;
            /** @description what was refunded, without refunds that failed */
            refunded: number | string;
            /** @description what banks took back, without disputes that were won */
            disputed: number | string;
            /** @description what is left */
            net: number | string;
            /** @description the value of `net` in USD, as far as it is known */
            usd: number;
            /** @description how many movements have no value in USD yet */
            withoutValue: number;
        };
        /**
         * AttemptsAnswer
         * @description Payments that were begun in the period and are decided, as they are now.
         */
        AttemptsAnswer: {
            /** @description paid, also if refunded or disputed later */
            paid: number;
            /** @description the provider or the payer's bank rejected it */
            failed: number;
            /** @description not paid in time, after an attempt that failed */
            expired: number;
            /** @description not paid in time, and nobody tried */
            abandoned: number;
            /** @description `paid` of all that somebody tried to pay, 0 to 1; null: nobody did */
            successRate: number | null;
        };
        /**
         * DayAnswer
         * @description The money that was booked on one day in one currency.
         */
        DayAnswer: {
            /** @description the day, in `zone` */
            day: string;
            /** @description the currency's code */
            currency: string;
            /** @description how many times money came in */
            count: number;
            /** @description what came in */
            received: number | string;
            /** @description what is left of it after refunds and disputes of that day */
            net: number | string;
            /** @description the value of `net` in USD, as far as it is known */
            usd: number;
        };
        /**
         * AttentionAnswer
         * @description Something to look at.
         */
        AttentionAnswer: {
            /**
             * @description what it is
             * @enum {string}
             */
            kind: "payments_in_review" | "disputes" | "wallet_payments_to_confirm" | "checkouts_unanswered" | "refunds_unanswered" | "unknown_prices" | "unknown_wix_products" | "events_failing" | "events_waiting" | "events_given_up" | "deliveries_failed" | "endpoints_failing" | "pods_lagging";
            /** @description how many there are */
            count: number;
            /** @description since when the oldest is so, where that is known */
            since: string | null;
            /** @description the names of endpoints or pods */
            names: string[];
            /** @description what to do, in English */
            advice: string;
        };
        /**
         * PaymentItemsAnswer
         * @description A page of payments, newest first.
         */
        PaymentItemsAnswer: {
            /** @description the payments */
            items: components["schemas"]["PaymentItem"][];
            /** @description `cursor` of the next page; null on the last one */
            nextCursor: string | null;
        };
        /**
         * PaymentItem
         * @description One payment.
         */
        PaymentItem: {
            /** @description the payment's id */
            id: string;
            /** @description see `GET /payments/{id}` */
            status: components["schemas"]["Status"];
            /** @description `stripe`, `nowpayments` or `wallet` */
            provider: string | null;
            /** @description the id of its checkout at the provider */
            providerId: string | null;
            /** @description `donation`, `credits` or `purchase` */
            purpose: string;
            /** @description the price, in `priceCurrency` */
            amount: number | null;
            /** @description the currency of `amount` */
            priceCurrency: string | null;
            /** @description what the payer was asked to pay in */
            currency: string | null;
            /** @description what came in, before refunds; null: nothing */
            paidAmount: number | string | null;
            /** @description the currency of `paidAmount` and `wentBack` */
            paidCurrency: string | null;
            /** @description what was refunded or taken back by a bank */
            wentBack: number | string | null;
            /** @description where it began; null for older software */
            source: string | null;
            /**
             * @description real money or a test payment
             * @enum {string}
             */
            mode: "live" | "test";
            /**
             * Format: date-time
             * @description when it began
             */
            createdAt: string;
            /**
             * Format: date-time
             * @description when it last changed
             */
            updatedAt: string;
        };
        /**
         * Status
         * @description The status of a payment.
         * @enum {string}
         */
        Status: "creating" | "pending" | "awaiting_confirmation" | "completed" | "failed" | "expired" | "unknown" | "error" | "partially_refunded" | "refunded" | "disputed";
        /**
         * PaymentHistoryAnswer
         * @description One payment with everything about it.
         */
        PaymentHistoryAnswer: {
            /** @description the fields of `GET /admin/payments`, and more */
            payment: {
                [key: string]: unknown;
            };
            /** @description sessions and invoices at providers */
            checkouts: {
                [key: string]: unknown;
            }[];
            /** @description movements of money */
            settlements: {
                [key: string]: unknown;
            }[];
            /** @description the payment's rows in the audit log, in order */
            trail: components["schemas"]["TrailEntryAnswer"][];
            /** @description what can be refunded now */
            refundable: components["schemas"]["RefundableAnswer"];
            /** @description the refunds that were asked for here, in order */
            refunds: components["schemas"]["RefundAnswer"][];
        };
        /**
         * TrailEntryAnswer
         * @description One row of the audit log, and what it means.
         */
        TrailEntryAnswer: {
            /** @description grows with time */
            id: number;
            /**
             * Format: date-time
             * @description when it happened
             */
            createdAt: string;
            /** @description who did it */
            actor: string;
            /** @description what was done */
            action: string;
            /** @description the payment that it is about */
            paymentId: string | null;
            /** @description the request that caused it */
            requestId: string | null;
            /** @description depends on `action` */
            details: {
                [key: string]: unknown;
            };
            /** @description what happened, in plain English */
            text: string;
        };
        /**
         * RefundableAnswer
         * @description The amount that can be refunded now.
         */
        RefundableAnswer: {
            /** @description at most this; null: nothing */
            amount: number | null;
            /** @description its currency */
            currency: string | null;
            /** @description why nothing can be refunded, and what to do instead; null: it can */
            whyNot: string | null;
        };
        /**
         * RefundAnswer
         * @description One refund.
         */
        RefundAnswer: {
            /** @description its id here */
            refundId: string;
            /** @description the payment */
            paymentId: string;
            /** @description the name that the caller gave it */
            reference: string;
            /** @description how much */
            amount: number;
            /** @description in which currency */
            currency: string;
            /**
             * @description why
             * @enum {string}
             */
            reason: "requested_by_customer" | "duplicate" | "fraudulent";
            /**
             * @description `asked`: Stripe has not answered yet; `pending`: the payer's bank has not
             * @enum {string}
             */
            status: "asked" | "pending" | "succeeded" | "failed";
            /** @description whether Stripe's event has arrived, by which the money is booked */
            booked: boolean;
            /** @description its id at Stripe */
            providerRef: string | null;
            /** @description why it failed, or why it is still `asked` */
            failure: string | null;
            /**
             * Format: date-time
             * @description when it was asked for
             */
            createdAt: string;
        };
        /**
         * RefundInput
         * @description A refund.
         */
        RefundInput: {
            /** @description names this refund of this payment; a repeat with the same reference changes nothing */
            reference: string;
            /**
             * @description how much, in the currency that was paid; left out: all that is left
             * @default null
             */
            amount?: (number | string) | null;
            /**
             * @description what Stripe is told
             * @default requested_by_customer
             * @enum {string}
             */
            reason?: "requested_by_customer" | "duplicate" | "fraudulent";
            /**
             * @description stays in the payment's history for good; e-mail addresses in it are masked
             * @default null
             */
            note?: string | null;
        };
        /**
         * RoutesStateAnswer
         * @description The routes and who serves them.
         */
        RoutesStateAnswer: {
            /** @description the newest version; null: there is none yet */
            version: components["schemas"]["ServedVersionAnswer"] | null;
            /** @description whether every pod serves it */
            servedEverywhere: boolean;
            /** @description when the engine last reported; null: never, so check that one runs */
            reportedAt: string | null;
            /** @description the pods, by name */
            pods: components["schemas"]["PodAnswer"][];
            /** @description the Wix sites, by name */
            endpoints: components["schemas"]["WixEndpointAnswer"][];
            /** @description money first, by code */
            currencies: components["schemas"]["RouteCurrencyAnswer"][];
            /** @description the providers */
            providers: components["schemas"]["RouteProviderAnswer"][];
            /** @description `true`: no new version is published */
            paused: boolean;
            /** @description the version that is pinned; null without a pin */
            pinVersion: number | null;
            /** @description what a `PaymentRoutes` resource sets, so that it is switched there */
            managed: string[];
            /** @description wallets and links that pages do not use */
            problems: components["schemas"]["ProblemAnswer"][];
        };
        /**
         * ServedVersionAnswer
         * @description The newest version of the routes.
         */
        ServedVersionAnswer: {
            /** @description its number */
            version: number;
            /** @description SHA-256 of its routes */
            checksum: string;
            /**
             * Format: date-time
             * @description when it was made
             */
            generatedAt: string;
            /** @description the version that a pin went back to */
            restoredFrom: number | null;
        };
        /**
         * PodAnswer
         * @description One pod of the backend.
         */
        PodAnswer: {
            /** @description its name or address */
            name: string;
            /** @description the newest version that it has acknowledged */
            version: number;
            /** @description whether that is the newest one */
            isCurrent: boolean;
            /** @description milliseconds from the change until it served that version */
            latencyMs: number | null;
            /** @description why the last push did not arrive */
            failure: string | null;
        };
        /**
         * WixEndpointAnswer
         * @description A Wix site that is told by webhooks.
         */
        WixEndpointAnswer: {
            /** @description its name in `WIX_WEBHOOK_ENDPOINTS` */
            name: string;
            /** @description what it is told about */
            events: string[];
            /**
             * @description `behind`: a message is on its way; `failing`: it does not answer
             * @enum {string}
             */
            state: "ok" | "behind" | "failing" | "disabled";
            /** @description the newest version that it has taken */
            deliveredVersion: number | null;
            /** @description when a message last arrived */
            deliveredAt: string | null;
            /** @description milliseconds from that version until it arrived */
            latencyMs: number | null;
            /** @description failed deliveries since the last that arrived */
            failures: number;
            /** @description messages on their way */
            waiting: number;
            /** @description its last answer, or why it is disabled */
            reason: string | null;
        };
        /**
         * RouteCurrencyAnswer
         * @description One currency.
         */
        RouteCurrencyAnswer: {
            /** @description the currency's code */
            code: string;
            /** @description its name */
            name: string;
            /** @description its symbol */
            symbol: string;
            /**
             * @description money or a coin
             * @enum {string}
             */
            kind: "fiat" | "crypto";
            /** @description whether it is switched on */
            enabled: boolean;
            /** @description whether pages offer it now */
            available: boolean;
            /** @description where it is paid now; null: nowhere */
            provider: string | null;
            /** @description whether there is a standing link for it */
            hasLink: boolean;
            /** @description whether there is a wallet for it */
            hasWallet: boolean;
        };
        /**
         * RouteProviderAnswer
         * @description One provider.
         */
        RouteProviderAnswer: {
            /**
             * @description its name
             * @enum {string}
             */
            name: "stripe" | "nowpayments";
            /** @description whether its links are on the pages */
            enabled: boolean;
            /** @description whether the backend has keys for it */
            configured: boolean;
            /**
             * @description real money or test payments
             * @enum {string}
             */
            mode: "live" | "test";
        };
        /**
         * ProblemAnswer
         * @description A row that pages do not use.
         */
        ProblemAnswer: {
            /**
             * @description `wallet`: it is not published. `link`: pages do not open it
             * @enum {string}
             */
            kind: "wallet" | "link";
            /** @description its row in `wallets` or `external_payments` */
            id: string | null;
            /** @description the currency's code */
            currency: string | null;
            /** @description what is wrong with it and what to do */
            problem: string;
        };
        /**
         * EffectsAnswer
         * @description The effects of the change on the pages.
         */
        EffectsAnswer: {
            /** @description `true`: nothing was changed */
            preview: boolean;
            /** @description the newest version after it; in a preview the one it would be */
            version: number | null;
            /** @description currencies that pages no longer offer */
            closed: string[];
            /** @description currencies that pages offer again */
            opened: string[];
            /** @description currencies that are paid elsewhere than before */
            moved: string[];
            /** @description the same in English */
            sentences: string[];
        };
        /**
         * WixSwitchInput
         * @description Switches a currency or a provider on or off.
         */
        WixSwitchInput: {
            /** @description the new state */
            enabled: boolean;
            /**
             * @description `true`: change nothing, and say what the change would do
             * @default false
             */
            preview?: boolean;
        };
        /**
         * WixPinInput
         * @description The version to go back to.
         */
        WixPinInput: {
            /** @description a version of `GET /admin/routes/versions`; null ends the pin */
            version: number | null;
            /**
             * @description `true`: change nothing, and say what the change would do
             * @default false
             */
            preview?: boolean;
        };
        /**
         * JobCreatedAnswer
         * @description The new job. A pod starts it within a second or two.
         */
        JobCreatedAnswer: {
            /** @description the job's id */
            jobId: string;
        };
        /**
         * JobInput
         * @description The job to run.
         */
        JobInput: {
            /**
             * @description `export`: a CSV file of payments; `reconcile`: ask the providers and Wix about everything that is open; `resync`: publish the routes, and wait until all pods and Wix endpoints have them
             * @enum {string}
             */
            type: "export" | "reconcile" | "resync";
            /**
             * @description which payments an export has; by default all. Not for other types
             * @default null
             */
            filters?: components["schemas"]["PaymentFilterInput"] | null;
        };
        /**
         * PaymentFilterInput
         * @description A filter of payments; a field that is left out does not matter.
         */
        PaymentFilterInput: {
            /**
             * @description their status now
             * @default null
             */
            status?: ("creating" | "pending" | "awaiting_confirmation" | "completed" | "failed" | "expired" | "unknown" | "error" | "partially_refunded" | "refunded" | "disputed") | null;
            /**
             * @description who takes the money
             * @default null
             */
            provider?: ("stripe" | "nowpayments" | "wallet") | null;
            /**
             * @description the currency of the price
             * @default null
             */
            currency?: string | null;
            /**
             * @description what they are for
             * @default null
             */
            purpose?: ("donation" | "credits" | "purchase") | null;
            /**
             * @description real money or test payments; left out: both
             * @default null
             */
            mode?: ("live" | "test") | null;
            /**
             * @description the first day on which they began
             * @default null
             */
            from?: string | null;
            /**
             * @description the last day on which they began
             * @default null
             */
            to?: string | null;
            /**
             * @description the time zone of the days, by its name in IANA's table
             * @default UTC
             */
            zone?: string;
            /**
             * @description the smallest amount, in the currency of the price
             * @default null
             */
            amountFrom?: string | null;
            /**
             * @description the largest amount
             * @default null
             */
            amountTo?: string | null;
        };
        /**
         * JobsAnswer
         * @description A page of jobs, newest first.
         */
        JobsAnswer: {
            /** @description the jobs */
            items: components["schemas"]["JobAnswer"][];
            /** @description `cursor` of the next page; null on the last one */
            nextCursor: string | null;
        };
        /**
         * JobAnswer
         * @description A job and its progress.
         */
        JobAnswer: {
            /** @description its id */
            jobId: string;
            /**
             * @description what it does
             * @enum {string}
             */
            type: "export" | "reconcile" | "resync";
            /** @description which payments an export has */
            filters: {
                [key: string]: string;
            };
            /** @description how far it is; the last three are final */
            status: components["schemas"]["State"];
            /** @description how much of the work is done; 100 when it is completed */
            progressPercent: number;
            /** @description what is being done now, for people */
            currentStep: string | null;
            /** @description what was done: of an export `rows` and `bytes`, of a reconciliation its counts and `reasons`, of a resync the `version` with `pods` and `endpoints`; null until it has ended */
            result: {
                [key: string]: unknown;
            } | null;
            /** @description why it failed, for people */
            error: string | null;
            /** @description whether `GET /api/v1/wix/jobs/{id}/result` has its file */
            hasFile: boolean;
            /**
             * Format: date-time
             * @description when it was asked for
             */
            createdAt: string;
            /** @description when a pod began with it */
            startedAt: string | null;
            /**
             * Format: date-time
             * @description the last report; every few seconds while it is processed
             */
            updatedAt: string;
            /** @description when it ended */
            finishedAt: string | null;
            /** @description when it is deleted with its file; null until it ends */
            expiresAt: string | null;
        };
        /**
         * State
         * @description The state of a job.
         * @enum {string}
         */
        State: "queued" | "processing" | "completed" | "failed" | "cancelled";
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getApiVWixUserStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["SiteStatusAnswer"];
                    };
                };
            };
        };
    };
    postApiVWixCreditsSpend: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SiteSpendInput"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["SiteSpentAnswer"];
                    };
                };
            };
        };
    };
    getApiVWixSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["SiteSettingsAnswer"];
                    };
                };
            };
        };
    };
    putApiVWixSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SiteSettingsInput"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["SiteSettingsAnswer"];
                    };
                };
            };
        };
    };
    postApiVWixEvents: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PageEventsInput"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["PageEventsAnswer"];
                    };
                };
            };
        };
    };
    getApiVWixPlans: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["WixPlansAnswer"];
                    };
                };
            };
        };
    };
    postApiVWixBillingCheckoutUrl: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["CheckoutUrlInput"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["CheckoutUrlAnswer"];
                    };
                };
            };
        };
    };
    getApiVWixOverview: {
        parameters: {
            query?: {
                /** @description the first day; by default 29 days before `to` */
                from?: string;
                /** @description the last day; by default today */
                to?: string;
                /** @description the time zone of the days, by its name in IANA's table */
                zone?: string;
                /** @description real money or test payments; by default the mode of the backend's keys */
                mode?: "live" | "test";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["OverviewAnswer"];
                    };
                };
            };
        };
    };
    getApiVWixPayments: {
        parameters: {
            query?: {
                /** @description `nextCursor` of the previous page; leave it out for the first page */
                cursor?: string;
                /** @description how many items */
                limit?: number;
                /** @description their status now */
                status?: "creating" | "pending" | "awaiting_confirmation" | "completed" | "failed" | "expired" | "unknown" | "error" | "partially_refunded" | "refunded" | "disputed";
                /** @description who takes the money */
                provider?: "stripe" | "nowpayments" | "wallet";
                /** @description the currency of the price */
                currency?: string;
                /** @description what they are for */
                purpose?: "donation" | "credits" | "purchase";
                /** @description real money or test payments; left out: both */
                mode?: "live" | "test";
                /** @description the first day on which they began */
                from?: string;
                /** @description the last day on which they began */
                to?: string;
                /** @description the time zone of the days, by its name in IANA's table */
                zone?: string;
                /** @description the smallest amount, in the currency of the price */
                amountFrom?: string;
                /** @description the largest amount */
                amountTo?: string;
                /** @description a payment's id, the id of its checkout or charge at the provider, or the payer's e-mail address where it is known: whole, in any case */
                search?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["PaymentItemsAnswer"];
                    };
                };
            };
        };
    };
    getApiVWixPaymentsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the payment's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["PaymentHistoryAnswer"];
                    };
                };
            };
        };
    };
    postApiVWixPaymentsIdRefunds: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the payment's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RefundInput"];
            };
        };
        responses: {
            /** @description Created. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["RefundAnswer"];
                    };
                };
            };
        };
    };
    getApiVWixRoutes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["RoutesStateAnswer"];
                    };
                };
            };
        };
    };
    postApiVWixRoutesCurrenciesCode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the currency's code */
                code: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WixSwitchInput"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["EffectsAnswer"];
                    };
                };
            };
        };
    };
    postApiVWixRoutesProvidersName: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description `stripe` or `nowpayments` */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WixSwitchInput"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["EffectsAnswer"];
                    };
                };
            };
        };
    };
    postApiVWixRoutesPin: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WixPinInput"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["EffectsAnswer"];
                    };
                };
            };
        };
    };
    getApiVWixStream: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
        };
    };
    getApiVWixJobs: {
        parameters: {
            query?: {
                /** @description `nextCursor` of the previous page; leave it out for the first page */
                cursor?: string;
                /** @description how many items */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["JobsAnswer"];
                    };
                };
            };
        };
    };
    postApiVWixJobs: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "type": "export"
                 *     }
                 */
                "application/json": components["schemas"]["JobInput"];
            };
        };
        responses: {
            /** @description Accepted. It is done after the answer. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["JobCreatedAnswer"];
                    };
                };
            };
        };
    };
    getApiVWixJobsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the job's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["JobAnswer"];
                    };
                };
            };
        };
    };
    deleteApiVWixJobsId: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the job's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        /** @constant */
                        success: true;
                        data: components["schemas"]["JobAnswer"];
                    };
                };
            };
        };
    };
    getApiVWixJobsIdResult: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description the job's id */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/csv": string;
                };
            };
        };
    };
}
