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
         * @description A spend.
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
            /** @description where news is sent; null: nowhere */
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
             * @description where news is sent; empty: nowhere
             * @default null
             */
            notificationEmail?: string | null;
        };
        /**
         * PageEventsAnswer
         * @description They are counted.
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
         * @description A plan.
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
         * @description The way to Wix's checkout.
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
         * JobCreatedAnswer
         * @description The job waits for a pod, which takes a second or two.
         */
        JobCreatedAnswer: {
            /** @description the job's id */
            jobId: string;
        };
        /**
         * JobInput
         * @description What is to be done.
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
         * @description What the payments have in common; a field that is left out does not matter.
         */
        PaymentFilterInput: {
            /**
             * @description their status now
             * @default null
             */
            status?: components["schemas"]["Status"] | null;
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
             * @description the first day on which they began, in UTC
             * @default null
             */
            from?: string | null;
            /**
             * @description the last day on which they began, in UTC
             * @default null
             */
            to?: string | null;
        };
        /**
         * Status
         * @description The status of a payment.
         * @enum {string}
         */
        Status: "creating" | "pending" | "awaiting_confirmation" | "completed" | "failed" | "expired" | "unknown" | "error" | "partially_refunded" | "refunded" | "disputed";
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
         * @description A job.
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
