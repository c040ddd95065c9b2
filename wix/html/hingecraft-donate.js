// Made of wix/html/source by "make generate": change it there.
"use strict";
(() => {
  // site/src/public/hingecraft-addresses.js
  var PAY_HOSTS = ["checkout.stripe.com", "billing.stripe.com", "buy.stripe.com", "donate.stripe.com", "nowpayments.io"];
  var LOOPBACK = ["127.0.0.1", "localhost"];
  function isLoopback(address) {
    const parsed = parse(address);
    return parsed !== null && LOOPBACK.includes(parsed.hostname);
  }
  function mayBeGoneTo(address, { development = false } = {}) {
    const parsed = parse(address);
    if (!parsed || parsed.username || parsed.password) return false;
    const { hostname, protocol } = parsed;
    if (protocol === "https:" && PAY_HOSTS.some((host) => hostname === host || hostname.endsWith(`.${host}`))) return true;
    return development && protocol.startsWith("http") && LOOPBACK.includes(hostname);
  }
  function parse(address) {
    try {
      return typeof address === "string" ? new URL(address) : null;
    } catch {
      return null;
    }
  }

  // html/source/memory.js
  var UNKNOWN_OUTCOMES = ["unreachable", "timed_out", "backend_unreachable", "idempotency_in_flight"];
  var Keys = class {
    constructor() {
      this.wanted = "";
      this.key = "";
    }
    /** @param {unknown[]} wanted */
    of(...wanted) {
      const described = JSON.stringify(wanted);
      if (described !== this.wanted || !this.key) Object.assign(this, { wanted: described, key: crypto.randomUUID() });
      return this.key;
    }
    /** It was done, or refused: the next click is another one. */
    forget() {
      this.key = "";
    }
  };

  // html/source/widget/backend.js
  var ANSWER_WITHIN_MS = 15e3;
  var TOLD = "hingecraft-public-url";
  var SCRIPT = document.currentScript instanceof HTMLScriptElement ? document.currentScript.src : "";
  var asked = /* @__PURE__ */ new Map();
  function backendOf(attribute) {
    for (const address of [attribute, TOLD, SCRIPT]) {
      try {
        if (address) return new URL(address).origin;
      } catch {
      }
    }
    return location.origin;
  }
  function settingsOf(backend, site) {
    const url = `${backend}/api/v1/appearance${site ? `?site=${encodeURIComponent(site)}` : ""}`;
    const known = asked.get(url) ?? call(url, {}).then((answer) => answer.success ? answer.data : null);
    asked.set(url, known);
    known.then((settings) => settings || asked.delete(url));
    return known;
  }
  function open(backend, wanted, key) {
    return call(`${backend}/charter/generate-payment`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      body: JSON.stringify(wanted)
    });
  }
  async function call(url, options) {
    try {
      const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
      const response = await fetch(url, { ...options, credentials: "omit", signal });
      const answer = await response.json();
      if (typeof answer?.success === "boolean") return answer;
    } catch {
    }
    return { success: false, code: "unreachable" };
  }

  // html/source/languages.js
  var LANGUAGES = { en: "English", de: "Deutsch", fr: "Fran\xE7ais", es: "Espa\xF1ol", ar: "\u0627\u0644\u0639\u0631\u0628\u064A\u0629" };
  var languageIn = (tag) => tag.split("-")[0].toLowerCase();
  function languageFor(preferred) {
    const tag = preferred.find((each) => languageIn(each) in LANGUAGES);
    return tag ? { language: languageIn(tag), locale: tag } : { language: "en", locale: preferred[0] ?? "en-US" };
  }
  function localeFor(language, preferred) {
    return preferred.find((tag) => languageIn(tag) === language) ?? language;
  }
  var directionOf = (language) => language === "ar" ? "rtl" : "ltr";
  var COUNTRIES = {
    EUR: "AD AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MC ME MT NL PT SI SK SM XK",
    USD: "US EC PR SV PA",
    GBP: "GB GG IM JE",
    CHF: "CH LI",
    CAD: "CA",
    AUD: "AU",
    NZD: "NZ",
    JPY: "JP",
    SEK: "SE",
    NOK: "NO",
    DKK: "DK GL FO",
    PLN: "PL",
    CZK: "CZ",
    HUF: "HU",
    RON: "RO",
    ISK: "IS",
    TRY: "TR",
    ILS: "IL",
    INR: "IN",
    SGD: "SG",
    HKD: "HK",
    KRW: "KR",
    TWD: "TW",
    THB: "TH",
    MYR: "MY",
    PHP: "PH",
    IDR: "ID",
    VND: "VN",
    AED: "AE",
    SAR: "SA",
    QAR: "QA",
    KWD: "KW",
    EGP: "EG",
    MAD: "MA",
    ZAR: "ZA",
    NGN: "NG",
    KES: "KE",
    BRL: "BR",
    MXN: "MX",
    ARS: "AR",
    CLP: "CL",
    COP: "CO",
    PEN: "PE",
    UYU: "UY"
  };
  function currencyFor(locale) {
    const region = regionOf(locale);
    return Object.keys(COUNTRIES).find((code) => COUNTRIES[code].split(" ").includes(region)) ?? "USD";
  }
  function regionOf(locale) {
    try {
      return new Intl.Locale(locale).maximize().region ?? "";
    } catch {
      return "";
    }
  }
  function filled(text, values = {}) {
    return text.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
  }

  // html/source/offers.js
  function presetsOf(least) {
    return [10, 25, 50, 100].map((preset) => preset * scaleOf(least));
  }
  function scaleOf(least) {
    const power = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, least))));
    return power * ([5, 2].find((step) => least >= power * step) ?? 1);
  }

  // html/source/texts/ar.js
  var amounts = {
    example: "\u0623\u062F\u062E\u0644 \u0645\u0628\u0644\u063A\u064B\u0627\u060C \u0645\u062B\u0644 {example}.",
    whole: "\u0627\u0633\u062A\u062E\u062F\u0645 \u0639\u062F\u062F\u064B\u0627 \u0635\u062D\u064A\u062D\u064B\u0627\u060C \u0645\u062B\u0644 {example}.",
    oneDecimal: "\u0631\u0642\u0645 \u0639\u0634\u0631\u064A \u0648\u0627\u062D\u062F \u0639\u0644\u0649 \u0627\u0644\u0623\u0643\u062B\u0631\u060C \u0645\u062B\u0644 {example}.",
    twoDecimals: "\u0631\u0642\u0645\u0627\u0646 \u0639\u0634\u0631\u064A\u0627\u0646 \u0639\u0644\u0649 \u0627\u0644\u0623\u0643\u062B\u0631\u060C \u0645\u062B\u0644 {example}.",
    threeDecimals: "\u062B\u0644\u0627\u062B\u0629 \u0623\u0631\u0642\u0627\u0645 \u0639\u0634\u0631\u064A\u0629 \u0639\u0644\u0649 \u0627\u0644\u0623\u0643\u062B\u0631\u060C \u0645\u062B\u0644 {example}.",
    moreDecimals: "\u0639\u062F\u062F \u0627\u0644\u0623\u0631\u0642\u0627\u0645 \u0627\u0644\u0639\u0634\u0631\u064A\u0629 {digits} \u0639\u0644\u0649 \u0627\u0644\u0623\u0643\u062B\u0631\u060C \u0645\u062B\u0644 {example}.",
    bounds: "\u062A\u0628\u0631\u0651\u0639 \u0628\u0645\u0627 \u0644\u0627 \u064A\u0642\u0644 \u0639\u0646 {least} \u0648\u0644\u0627 \u064A\u0632\u064A\u062F \u0639\u0644\u0649 {most}."
  };
  var widget = {
    heading: "\u0627\u062F\u0639\u0645\u0646\u0627",
    amount: "\u0627\u0644\u0645\u0628\u0644\u063A",
    other: "\u0645\u0628\u0644\u063A \u0622\u062E\u0631",
    yourAmount: "\u0645\u0628\u0644\u063A\u0643 \u0628\u0639\u0645\u0644\u0629 {currency}",
    give: "\u062A\u0628\u0631\u0651\u0639",
    giveAmount: "\u062A\u0628\u0631\u0651\u0639 \u0628\u0645\u0628\u0644\u063A {amount}",
    busy: "\u0644\u062D\u0638\u0629 \u0648\u0627\u062D\u062F\u0629\u2026",
    note: "\u0628\u0627\u0644\u0628\u0637\u0627\u0642\u0629 \u0623\u0648 Apple Pay \u0623\u0648 Google Pay \u0623\u0648 Link\u060C \u0641\u064A \u0635\u0641\u062D\u0629 Stripe.",
    testMode: "\u0648\u0636\u0639 \u0627\u0644\u0627\u062E\u062A\u0628\u0627\u0631: \u0644\u0627 \u064A\u064F\u062E\u0635\u0645 \u0634\u064A\u0621 \u0647\u0646\u0627.",
    failed: "\u0627\u0644\u062A\u0628\u0631\u0651\u0639 \u063A\u064A\u0631 \u0645\u0645\u0643\u0646 \u0647\u0646\u0627 \u0627\u0644\u0622\u0646.",
    opened: "\u0635\u0641\u062D\u0629 \u0627\u0644\u062F\u0641\u0639 \u062C\u0627\u0647\u0632\u0629.",
    openPayment: "\u0627\u0641\u062A\u062D \u0635\u0641\u062D\u0629 \u0627\u0644\u062F\u0641\u0639",
    openPage: "\u0627\u0641\u062A\u062D \u0635\u0641\u062D\u0629 \u0627\u0644\u062A\u0628\u0631\u0651\u0639"
  };

  // html/source/texts/de.js
  var amounts2 = {
    example: "Geben Sie einen Betrag ein, zum Beispiel {example}.",
    whole: "Geben Sie eine ganze Zahl ein, zum Beispiel {example}.",
    oneDecimal: "H\xF6chstens eine Nachkommastelle, zum Beispiel {example}.",
    twoDecimals: "H\xF6chstens zwei Nachkommastellen, zum Beispiel {example}.",
    threeDecimals: "H\xF6chstens drei Nachkommastellen, zum Beispiel {example}.",
    moreDecimals: "H\xF6chstens {digits} Nachkommastellen, zum Beispiel {example}.",
    bounds: "Mindestens {least} und h\xF6chstens {most}."
  };
  var widget2 = {
    heading: "Unterst\xFCtzen Sie uns",
    amount: "Betrag",
    other: "Anderer",
    yourAmount: "Ihr Betrag, in {currency}",
    give: "Spenden",
    giveAmount: "{amount} spenden",
    busy: "Einen Moment\u2026",
    note: "Karte, Apple Pay, Google Pay oder Link, auf der Seite von Stripe.",
    testMode: "Testmodus: Hier wird nichts abgebucht.",
    failed: "Spenden ist hier gerade nicht m\xF6glich.",
    opened: "Ihre Zahlungsseite ist bereit.",
    openPayment: "Zahlungsseite \xF6ffnen",
    openPage: "Unsere Spendenseite \xF6ffnen"
  };

  // html/source/texts/en.js
  var amounts3 = {
    example: "Enter an amount, for example {example}.",
    whole: "Use a whole number, such as {example}.",
    oneDecimal: "Use at most one decimal, such as {example}.",
    twoDecimals: "Use at most two decimals, such as {example}.",
    threeDecimals: "Use at most three decimals, such as {example}.",
    moreDecimals: "Use at most {digits} decimals, such as {example}.",
    bounds: "Give at least {least} and at most {most}."
  };
  var widget3 = {
    heading: "Support us",
    amount: "Amount",
    other: "Other",
    yourAmount: "Your amount, in {currency}",
    give: "Give",
    giveAmount: "Give {amount}",
    busy: "One moment\u2026",
    note: "Card, Apple Pay, Google Pay or Link, on Stripe\u2019s page.",
    testMode: "Test mode: nothing is charged here.",
    failed: "Giving is not possible here right now.",
    opened: "Your payment page is ready.",
    openPayment: "Open the payment page",
    openPage: "Open our donation page"
  };

  // html/source/texts/es.js
  var amounts4 = {
    example: "Escriba un importe, por ejemplo {example}.",
    whole: "Escriba un n\xFAmero entero, por ejemplo {example}.",
    oneDecimal: "Un decimal como m\xE1ximo, por ejemplo {example}.",
    twoDecimals: "Dos decimales como m\xE1ximo, por ejemplo {example}.",
    threeDecimals: "Tres decimales como m\xE1ximo, por ejemplo {example}.",
    moreDecimals: "{digits} decimales como m\xE1ximo, por ejemplo {example}.",
    bounds: "Done al menos {least} y como m\xE1ximo {most}."
  };
  var widget4 = {
    heading: "Ap\xF3yenos",
    amount: "Importe",
    other: "Otro",
    yourAmount: "Su importe, en {currency}",
    give: "Donar",
    giveAmount: "Donar {amount}",
    busy: "Un momento\u2026",
    note: "Tarjeta, Apple Pay, Google Pay o Link, en la p\xE1gina de Stripe.",
    testMode: "Modo de prueba: aqu\xED no se cobra nada.",
    failed: "Ahora no se puede donar aqu\xED.",
    opened: "Su p\xE1gina de pago est\xE1 lista.",
    openPayment: "Abrir la p\xE1gina de pago",
    openPage: "Abrir nuestra p\xE1gina de donaci\xF3n"
  };

  // html/source/texts/fr.js
  var amounts5 = {
    example: "Saisissez un montant, par exemple {example}.",
    whole: "Saisissez un nombre entier, par exemple {example}.",
    oneDecimal: "Une d\xE9cimale au plus, par exemple {example}.",
    twoDecimals: "Deux d\xE9cimales au plus, par exemple {example}.",
    threeDecimals: "Trois d\xE9cimales au plus, par exemple {example}.",
    moreDecimals: "{digits} d\xE9cimales au plus, par exemple {example}.",
    bounds: "Donnez au moins {least} et au plus {most}."
  };
  var widget5 = {
    heading: "Soutenez-nous",
    amount: "Montant",
    other: "Autre",
    yourAmount: "Votre montant, en {currency}",
    give: "Donner",
    giveAmount: "Donner {amount}",
    busy: "Un instant\u2026",
    note: "Carte, Apple Pay, Google Pay ou Link, sur la page de Stripe.",
    testMode: "Mode test : rien n\u2019est d\xE9bit\xE9 ici.",
    failed: "Les dons ne sont pas possibles ici pour le moment.",
    opened: "Votre page de paiement est pr\xEAte.",
    openPayment: "Ouvrir la page de paiement",
    openPage: "Ouvrir notre page de don"
  };

  // html/source/widget/choices.js
  var TEXTS = {
    ar: { widget, amounts },
    de: { widget: widget2, amounts: amounts2 },
    en: { widget: widget3, amounts: amounts3 },
    es: { widget: widget4, amounts: amounts4 },
    fr: { widget: widget5, amounts: amounts5 }
  };
  var MOST_AMOUNTS = 6;
  var LONGEST_TITLE = 100;
  function choicesOf(element, settings) {
    const attribute = (name) => element.getAttribute(name)?.trim() || null;
    const spoken = languageOf(attribute("lang"));
    const title = attribute("title") ?? settings?.widgetTitle ?? spoken.words.heading;
    return {
      ...spoken,
      title: title.slice(0, LONGEST_TITLE),
      ...lookOf(attribute("theme"), element.getAttribute("show-border"), settings),
      ...offerOf(attribute("currency"), attribute("amounts"), settings),
      isTest: settings?.mode === "test"
    };
  }
  function lookOf(wanted, border, settings) {
    const theme = oneOf(wanted) ?? settings?.widgetTheme ?? "light";
    return { theme, palette: settings?.[theme] ?? null, hasBorder: flag(border) ?? settings?.widgetBorder ?? true };
  }
  function languageOf(wanted) {
    const languages = navigator.languages ?? [];
    const around = wanted ?? document.documentElement.lang;
    const { language } = languageFor(around ? [around, ...languages] : languages);
    const { widget: widget6, amounts: amounts6 } = TEXTS[language];
    return {
      language,
      locale: localeFor(language, languages),
      direction: directionOf(language),
      words: widget6,
      amountWords: amounts6
    };
  }
  function offerOf(wanted, amounts6, settings) {
    const usual = currencyFor(navigator.languages?.[0] ?? "");
    const currency = currencyOf([wanted, settings?.defaultCurrency, usual], settings);
    const bounds = settings?.bounds[currency];
    const set = amountsOf(amounts6?.split(","), bounds) ?? amountsOf(settings?.widgetAmounts, bounds);
    return { currency, bounds, amounts: set ?? presetsOf(bounds?.least ?? 1) };
  }
  function amountsOf(given, bounds) {
    const amounts6 = (given ?? []).map((text) => Number(text)).filter((each) => each > 0 && (!bounds || each >= bounds.least && each <= bounds.most)).slice(0, MOST_AMOUNTS);
    return amounts6.length ? amounts6 : null;
  }
  function currencyOf(wanted, settings) {
    const codes = wanted.map((code) => (code ?? "").toUpperCase());
    const known = (code) => settings ? code in settings.bounds : /^[A-Z]{3}$/.test(code);
    return codes.find(known) ?? "USD";
  }
  function oneOf(theme) {
    return theme === "light" || theme === "dark" ? theme : null;
  }
  function flag(value) {
    return value === null ? null : value.trim().toLowerCase() !== "false";
  }

  // html/source/amounts.js
  var ZEROS = [1632, 1776, 2406, 2534, 3664];
  var SPACES = /[\s\u00a0\u202f'’_]/g;
  var SIGNS = /^\p{Currency_Symbol}|\p{Currency_Symbol}$/gu;
  var WRITTEN = /^\d{1,12}(?:[.]\d{1,18})?$/;
  function readAmount(typed, locale) {
    const text = latinDigits(typed).replace(SPACES, "").replace(SIGNS, "").replace(/٫/g, ".").replace(/٬/g, "");
    const plain = withPoint(text, decimalSign(locale));
    if (plain === null || !WRITTEN.test(plain) || Number(plain) <= 0) return null;
    const [whole, part = ""] = plain.split(".");
    const shortened = part.replace(/0+$/, "");
    return String(BigInt(whole)) + (shortened && `.${shortened}`);
  }
  function withPoint(text, decimal) {
    const signs = text.replace(/[^.,]/g, "");
    if (signs.length === 0) return text;
    if (new Set(signs).size === 2) return withBothSigns(text);
    if (signs.length > 1) return grouped(text, "") ? text.replaceAll(signs[0], "") : null;
    const isThousand = signs !== decimal && /^\d{1,3}[.,]\d{3}$/.test(text);
    return text.replace(signs, isThousand ? "" : ".");
  }
  function withBothSigns(text) {
    const [decimal, other] = text.lastIndexOf(".") > text.lastIndexOf(",") ? [".", ","] : [",", "."];
    return grouped(text, decimal) ? text.replaceAll(other, "").replace(decimal, ".") : null;
  }
  function grouped(text, decimal) {
    const whole = decimal ? text.slice(0, text.lastIndexOf(decimal)) : text;
    return /^\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*$|^\d{1,2}(?:,\d{2})*,\d{3}$/.test(whole);
  }
  function latinDigits(text) {
    return text.replace(/\p{Decimal_Number}/gu, (digit) => {
      const zero = ZEROS.find((first) => digit.charCodeAt(0) >= first && digit.charCodeAt(0) < first + 10);
      return zero === void 0 ? digit : String(digit.charCodeAt(0) - zero);
    });
  }
  function decimalSign(locale) {
    const parts = formatOf(locale, {}).formatToParts(1.5);
    return parts.find((part) => part.type === "decimal")?.value ?? ".";
  }
  var formats = /* @__PURE__ */ new Map();
  function formatOf(locale, options) {
    const name = JSON.stringify([locale, options]);
    const format = formats.get(name) ?? new Intl.NumberFormat(locale, options);
    formats.set(name, format);
    return format;
  }
  function writeAmount(amount, currency, locale) {
    const number = Number(amount);
    const digits = Number.isInteger(number) ? { minimumFractionDigits: 0 } : {};
    try {
      return formatOf(locale, { style: "currency", currency, currencyDisplay: "narrowSymbol", ...digits }).format(number);
    } catch {
      return `${amount} ${currency}`;
    }
  }
  function symbolOf(currency, locale) {
    const parts = formatOf(locale, { style: "currency", currency, currencyDisplay: "narrowSymbol" }).formatToParts(0);
    return parts.find(({ type }) => type === "currency")?.value ?? currency;
  }
  function amountToEdit(amount, locale) {
    const minimumFractionDigits = Number.isInteger(Number(amount)) ? 0 : 2;
    return formatOf(locale, { useGrouping: false, minimumFractionDigits, maximumFractionDigits: 8 }).format(Number(amount));
  }
  var DECIMALS = ["whole", "oneDecimal", "twoDecimals", "threeDecimals"];
  function problemOf(amount, currency, bounds, locale, words) {
    if (amount === null) return filled(words.example, { example: amountToEdit("37.5", locale) });
    const digits = bounds?.digits ?? digitsOf(currency);
    if ((amount.split(".")[1] ?? "").length > digits) return tooManyDecimals(digits, locale, words);
    if (!bounds || Number(amount) >= bounds.least && Number(amount) <= bounds.most) return "";
    const [least, most] = [bounds.least, bounds.most].map((bound) => writeAmount(bound, currency, locale));
    return filled(words.bounds, { least, most });
  }
  function tooManyDecimals(digits, locale, words) {
    const example = amountToEdit(digits ? "12.345678".slice(0, 3 + digits) : "12", locale);
    return filled(words[DECIMALS[digits] ?? "moreDecimals"], { digits, example });
  }
  function digitsOf(currency) {
    return formatOf("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
  }

  // html/source/widget/form.js
  function made(name, kind, ...inside) {
    const element = document.createElement(name);
    element.className = kind;
    element.append(...inside);
    return element;
  }
  var Form = class {
    /** @param {() => void} give */
    constructor(give) {
      this.isBusy = false;
      this.title = made("h2", "title");
      this.title.id = "title";
      this.test = made("p", "test");
      this.legend = made("legend", "unseen");
      this.presets = made("div", "presets");
      this.field = made("input", "");
      Object.assign(this.field, { id: "amount", type: "text", inputMode: "decimal", autocomplete: "off", maxLength: 24 });
      this.field.setAttribute("aria-describedby", "error");
      this.label = made("label", "unseen");
      this.label.htmlFor = "amount";
      this.symbol = made("span", "symbol");
      this.symbol.setAttribute("aria-hidden", "true");
      this.own = made("div", "own", this.label, this.symbol, this.field);
      this.error = made("p", "error");
      this.error.id = "error";
      this.error.setAttribute("role", "alert");
      this.button = made("button", "give");
      this.button.type = "submit";
      this.note = made("p", "note");
      this.line = made("p", "line");
      this.line.setAttribute("role", "status");
      const fieldset = made("fieldset", "", this.legend, this.presets);
      this.form = made("form", "", fieldset, this.own, this.error, this.button, this.note);
      this.form.noValidate = true;
      this.skeleton = made("div", "skeleton", ...["", "", ""].map(() => made("span", "")));
      this.skeleton.setAttribute("aria-hidden", "true");
      this.section = made("section", "frame", this.title, this.test, this.skeleton, this.form, this.line);
      this.section.setAttribute("aria-labelledby", "title");
      this.form.addEventListener("submit", (event) => {
        event.preventDefault();
        give();
      });
    }
    /** Before anything is known. @param {Choices} choices */
    wait(choices) {
      this.dress(choices);
      this.section.setAttribute("aria-busy", "true");
      this.only(this.skeleton);
    }
    /** @param {Choices} choices */
    show(choices) {
      this.dress(choices);
      const { words } = choices;
      this.test.textContent = choices.isTest ? words.testMode : "";
      this.legend.textContent = words.amount;
      this.label.textContent = filled(words.yourAmount, { currency: choices.currency });
      this.symbol.textContent = symbolOf(choices.currency, choices.locale);
      this.note.textContent = words.note;
      this.drawPresets(choices);
      this.showChoice(choices);
      this.section.removeAttribute("aria-busy");
      this.only(this.form);
    }
    /**
     * One line instead of the form.
     * @param {Choices} choices
     * @param {string} backend
     */
    fail(choices, backend) {
      this.dress(choices);
      this.section.removeAttribute("aria-busy");
      this.only(null);
      this.tellFailed(choices, backend);
    }
    /**
     * @param {Choices} choices
     * @param {string} backend
     */
    tellFailed({ words }, backend) {
      this.tell(words.failed, words.openPage, `${backend}/embed/charter`);
    }
    /**
     * @param {Choices} choices
     * @param {string} url
     */
    tellOpened({ words }, url) {
      this.tell(words.opened, words.openPayment, url).focus();
    }
    /**
     * @param {string} text
     * @param {string} label
     * @param {string} href
     */
    tell(text, label, href) {
      const link = made("a", "", label);
      Object.assign(link, { href, target: "_blank", rel: "noopener" });
      this.line.replaceChildren(text, " ", link);
      return link;
    }
    /** @param {HTMLElement | null} shown */
    only(shown) {
      this.skeleton.hidden = shown !== this.skeleton;
      this.form.hidden = shown !== this.form;
      this.line.replaceChildren();
    }
    /** @param {Choices} choices */
    dress({ title, theme, hasBorder, palette, language, direction }) {
      const { section } = this;
      this.title.textContent = title;
      Object.assign(section, { lang: language, dir: direction });
      section.dataset.theme = theme;
      section.toggleAttribute("data-border", hasBorder);
      for (const [name, color] of Object.entries({
        "--accent": palette?.accent,
        "--accent-ink": palette?.accentInk,
        "--accent-soft": palette?.accentSoft
      })) {
        if (color) section.style.setProperty(name, color);
        else section.style.removeProperty(name);
      }
    }
    /** @param {Choices} choices */
    drawPresets(choices) {
      const chosen = this.chosen?.value;
      const { amounts: amounts6, words } = choices;
      const first = String(amounts6[Math.min(1, amounts6.length - 1)]);
      const values = [...amounts6.map(String), "other"];
      const kept = chosen && values.includes(chosen) ? chosen : first;
      const labels = values.map((value) => {
        const radio = made("input", "");
        Object.assign(radio, { type: "radio", name: "amount", value, checked: value === kept });
        radio.addEventListener("change", () => this.showChoice(choices, true));
        const text = value === "other" ? words.other : writeAmount(value, choices.currency, choices.locale);
        return made("label", value === "other" ? "preset other" : "preset", radio, made("span", "", text));
      });
      this.presets.replaceChildren(...labels);
      this.field.oninput = () => this.showChoice(choices);
    }
    get chosen() {
      return (
        /** @type {HTMLInputElement | null} */
        this.presets.querySelector("input:checked")
      );
    }
    get isOther() {
      return this.chosen?.value === "other";
    }
    /** @param {Choices} choices */
    amountOf({ locale }) {
      return this.isOther ? readAmount(this.field.value, locale) : this.chosen?.value ?? null;
    }
    /** @param {Choices} choices */
    problemOf(choices) {
      const { currency, bounds, locale, amountWords } = choices;
      return problemOf(this.amountOf(choices), currency, bounds, locale, amountWords);
    }
    /**
     * @param {Choices} choices
     * @param {boolean} [isByHand]
     */
    showChoice(choices, isByHand = false) {
      this.own.hidden = !this.isOther;
      this.sayError("");
      this.showLabel(choices);
      if (isByHand && this.isOther) this.field.focus();
    }
    /** @param {Choices} choices */
    showLabel(choices) {
      this.choices = choices;
      const { words, currency, locale } = choices;
      const amount = this.problemOf(choices) ? null : this.amountOf(choices);
      const label = amount === null ? words.give : filled(words.giveAmount, { amount: writeAmount(amount, currency, locale) });
      this.button.textContent = this.isBusy ? words.busy : label;
    }
    /**
     * Whether the amount can be given; says why not.
     * @param {Choices} choices
     */
    check(choices) {
      const problem = this.problemOf(choices);
      this.sayError(problem);
      if (problem) (this.isOther ? this.field : this.chosen)?.focus();
      return !problem;
    }
    /** @param {string} text */
    sayError(text) {
      this.error.textContent = text;
      this.field.setAttribute("aria-invalid", String(Boolean(text)));
    }
    /** @param {boolean} isBusy */
    setBusy(isBusy) {
      this.isBusy = isBusy;
      this.button.setAttribute("aria-busy", String(isBusy));
      this.button.setAttribute("aria-disabled", String(isBusy));
      if (isBusy) this.line.replaceChildren();
      if (this.choices) this.showLabel(this.choices);
    }
  };

  // html/source/widget/style.js
  var STYLE = `
:host {
  all: initial;
  display: block;
  max-block-size: 100%;
  overflow: auto;
}
:host([hidden]), [hidden] {
  display: none !important;
}
*, *::before, *::after {
  box-sizing: border-box;
}
.frame {
  --paper: #ffffff;
  --ink: #1d2624;
  --soft: #55625f;
  --line: #cfd6d2;
  --accent: #14594c;
  --accent-ink: #ffffff;
  --accent-soft: #e3efeb;
  --bad: #9b2420;
  --warn: #6b4700;
  --warn-soft: #fdf0d0;
  color-scheme: light;
  display: grid;
  gap: 1rem;
  padding: 1rem;
  background: var(--paper);
  color: var(--ink);
  border-radius: 14px;
  font: 16px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif;
  overflow-wrap: anywhere;
}
.frame[data-theme='dark'] {
  --paper: #1b2220;
  --ink: #eaf0ee;
  --soft: #a7b5b1;
  --line: #3d4a46;
  --accent: #7ccfb9;
  --accent-ink: #0b1f1a;
  --accent-soft: #22332e;
  --bad: #ffb0a8;
  --warn: #ffd98a;
  --warn-soft: #36290e;
  color-scheme: dark;
}
.frame[data-border] {
  border: 1px solid var(--line);
}
.title {
  margin: 0;
  font: 600 1.3em/1.2 ui-serif, Georgia, 'Times New Roman', serif;
}
p {
  margin: 0;
}
.test {
  padding: 0.5em 0.75em;
  border-radius: 8px;
  background: var(--warn-soft);
  color: var(--warn);
  font-weight: 600;
}
.test:empty, .error:empty, .line:empty {
  display: none;
}
form {
  display: grid;
  gap: 1rem;
}
fieldset {
  border: 0;
  margin: 0;
  padding: 0;
  min-inline-size: 0;
}
.unseen {
  position: absolute;
  inline-size: 1px;
  block-size: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
.presets {
  display: flex;
  flex-wrap: wrap;
  gap: 0.5rem;
}
.preset {
  position: relative;
  flex: 1 1 4.5rem;
}
.preset.other {
  flex-basis: 100%;
}
.preset input {
  position: absolute;
  inset: 0;
  inline-size: 100%;
  block-size: 100%;
  margin: 0;
  opacity: 0;
  cursor: pointer;
}
.preset span {
  display: block;
  padding: 0.55rem 0.4rem;
  min-block-size: 2.75rem;
  text-align: center;
  border: 1.5px solid var(--line);
  border-radius: 10px;
  font-weight: 600;
  font-variant-numeric: tabular-nums;
  white-space: nowrap;
}
.preset input:hover + span {
  border-color: var(--accent);
}
.preset input:checked + span {
  border-color: var(--accent);
  background: var(--accent-soft);
  box-shadow: inset 0 0 0 1px var(--accent);
}
.preset input:focus-visible + span, button:focus-visible, a:focus-visible, .own:focus-within {
  outline: 3px solid var(--accent);
  outline-offset: 2px;
}
.own {
  display: flex;
  border: 1.5px solid var(--line);
  border-radius: 10px;
  overflow: hidden;
}
.symbol {
  display: grid;
  place-items: center;
  padding-inline: 0.8rem;
  background: var(--accent-soft);
  font-weight: 600;
}
.own input {
  flex: 1;
  inline-size: 100%;
  min-inline-size: 0;
  min-block-size: 2.75rem;
  padding: 0.4rem 0.8rem;
  border: 0;
  outline: 0;
  background: transparent;
  color: inherit;
  font: inherit;
}
.error {
  color: var(--bad);
}
.give {
  inline-size: 100%;
  min-block-size: 3rem;
  padding: 0.6rem 1rem;
  border: 1px solid transparent;
  border-radius: 10px;
  background: var(--accent);
  color: var(--accent-ink);
  font: inherit;
  font-weight: 700;
  cursor: pointer;
}
.give:hover {
  filter: brightness(1.08);
}
.note, .line {
  color: var(--soft);
  font-size: 0.9em;
}
.line {
  color: var(--ink);
}
a {
  color: var(--accent);
  font-weight: 600;
}
.skeleton {
  display: grid;
  grid-template-columns: repeat(3, 1fr);
  gap: 0.5rem;
}
.skeleton span {
  block-size: 2.75rem;
  border-radius: 10px;
  background: var(--accent-soft);
}
.skeleton span:last-child {
  grid-column: 1 / -1;
  block-size: 3rem;
}
.skeleton span {
  animation: breathe 1.6s ease-in-out infinite alternate;
}
@keyframes breathe {
  to {
    opacity: 0.45;
  }
}
@media (prefers-reduced-motion: reduce) {
  .skeleton span {
    animation: none;
  }
}
@media (forced-colors: active) {
  .preset input:checked + span {
    outline: 3px solid Highlight;
  }
}
`;

  // html/source/widget/element.js
  var ATTRIBUTES = ["title", "show-border", "theme", "amounts", "currency", "lang", "site", "api"];
  var LEFT_WITHIN_MS = 1e4;
  var sheet = null;
  function style() {
    if (!sheet) {
      sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
    }
    return sheet;
  }
  var Donate = class extends HTMLElement {
    static observedAttributes = ATTRIBUTES;
    constructor() {
      super();
      this.root = this.attachShadow({ mode: "open" });
      this.root.adoptedStyleSheets = [style()];
      this.keys = new Keys();
      this.settings = null;
      this.source = "";
      this.hasFailed = false;
      this.form = new Form(() => this.give());
      this.onReturn = (event) => event.persisted && this.form.setBusy(false);
    }
    connectedCallback() {
      if (!this.form.section.isConnected) this.root.append(this.form.section);
      addEventListener("pageshow", this.onReturn);
      this.update();
    }
    disconnectedCallback() {
      removeEventListener("pageshow", this.onReturn);
    }
    attributeChangedCallback() {
      if (this.isConnected) this.update();
    }
    get backend() {
      return backendOf(this.getAttribute("api"));
    }
    /** Show what is known, and ask for the rest. */
    update() {
      const source = JSON.stringify([this.backend, this.getAttribute("site")]);
      if (source !== this.source) {
        this.source = source;
        this.settings = null;
        this.hasFailed = false;
        this.load(source);
      }
      this.show();
    }
    /** @param {string} source */
    async load(source) {
      const settings = await settingsOf(this.backend, this.getAttribute("site"));
      if (source !== this.source) return;
      this.settings = settings;
      this.hasFailed = !settings;
      if (!settings) this.source = "";
      this.show();
    }
    show() {
      this.choices = choicesOf(this, this.settings);
      if (this.hasFailed) this.form.fail(this.choices, this.backend);
      else if (this.settings) this.form.show(this.choices);
      else this.form.wait(this.choices);
    }
    async give() {
      const { choices, form, backend } = this;
      if (!choices || form.isBusy || !form.check(choices)) return;
      const amount = String(form.amountOf(choices));
      const wanted = { amount, currency: choices.currency, strict: true, returnTo: "embed" };
      form.setBusy(true);
      const answer = await open(backend, wanted, this.keys.of(backend, amount, choices.currency));
      if (answer.success || !UNKNOWN_OUTCOMES.includes(answer.code)) this.keys.forget();
      const url = answer.success ? answer.data.url : "";
      if (!mayBeGoneTo(url, { development: isLoopback(backend) })) {
        form.setBusy(false);
        form.tellFailed(choices, backend);
      } else if (window.top === window) {
        location.assign(url);
        setTimeout(() => form.setBusy(false), LEFT_WITHIN_MS);
      } else {
        form.setBusy(false);
        form.tellOpened(choices, url);
      }
    }
  };

  // html/source/hingecraft-donate.js
  if (!customElements.get("hingecraft-donate")) customElements.define("hingecraft-donate", Donate);
})();
