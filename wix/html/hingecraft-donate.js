// Made of wix/html/source by "make generate": change it there.
"use strict";(()=>{var te=["checkout.stripe.com","billing.stripe.com","buy.stripe.com","donate.stripe.com","nowpayments.io"],k=["127.0.0.1","localhost"];function x(t){let e=C(t);return e!==null&&k.includes(e.hostname)}function A(t,{development:e=!1}={}){let n=C(t);if(!n||n.username||n.password)return!1;let{hostname:o,protocol:r}=n;return r==="https:"&&te.some(i=>o===i||o.endsWith(`.${i}`))?!0:e&&r.startsWith("http")&&k.includes(o)}function C(t){try{return typeof t=="string"?new URL(t):null}catch{return null}}var D=["unreachable","timed_out","backend_unreachable","idempotency_in_flight"],p=class{constructor(){this.wanted="",this.key=""}of(...e){let n=JSON.stringify(e);return(n!==this.wanted||!this.key)&&Object.assign(this,{wanted:n,key:crypto.randomUUID()}),this.key}forget(){this.key=""}};var oe="hingecraft-public-url",re=document.currentScript instanceof HTMLScriptElement?document.currentScript.src:"",w=new Map;function T(t){for(let e of[t,oe,re])try{if(e)return new URL(e).origin}catch{}return location.origin}function z(t,e){let n=`${t}/api/v1/appearance${e?`?site=${encodeURIComponent(e)}`:""}`,o=w.get(n)??O(n,{}).then(r=>r.success?r.data:null);return w.set(n,o),o.then(r=>r||w.delete(n)),o}function N(t,e,n){return O(`${t}/charter/generate-payment`,{method:"POST",headers:{"Content-Type":"application/json","Idempotency-Key":n},body:JSON.stringify(e)})}async function O(t,e){try{let n=AbortSignal.timeout(15e3),r=await(await fetch(t,{...e,credentials:"omit",signal:n})).json();if(typeof r?.success=="boolean")return r}catch{}return{success:!1,code:"unreachable"}}var ie={en:"English",de:"Deutsch",fr:"Fran\xE7ais",es:"Espa\xF1ol",ar:"\u0627\u0644\u0639\u0631\u0628\u064A\u0629"},S=t=>t.split("-")[0].toLowerCase();function E(t){let e=t.find(n=>S(n)in ie);return e?{language:S(e),locale:e}:{language:"en",locale:t[0]??"en-US"}}function M(t,e){return e.find(n=>S(n)===t)??t}var h=t=>t==="ar"?"rtl":"ltr",I={EUR:"AD AT BE BG CY DE EE ES FI FR GR HR IE IT LT LU LV MC ME MT NL PT SI SK SM XK",USD:"US EC PR SV PA",GBP:"GB GG IM JE",CHF:"CH LI",CAD:"CA",AUD:"AU",NZD:"NZ",JPY:"JP",SEK:"SE",NOK:"NO",DKK:"DK GL FO",PLN:"PL",CZK:"CZ",HUF:"HU",RON:"RO",ISK:"IS",TRY:"TR",ILS:"IL",INR:"IN",SGD:"SG",HKD:"HK",KRW:"KR",TWD:"TW",THB:"TH",MYR:"MY",PHP:"PH",IDR:"ID",VND:"VN",AED:"AE",SAR:"SA",QAR:"QA",KWD:"KW",EGP:"EG",MAD:"MA",ZAR:"ZA",NGN:"NG",KES:"KE",BRL:"BR",MXN:"MX",ARS:"AR",CLP:"CL",COP:"CO",PEN:"PE",UYU:"UY"};function P(t){let e=ae(t);return Object.keys(I).find(n=>I[n].split(" ").includes(e))??"USD"}function ae(t){try{return new Intl.Locale(t).maximize().region??""}catch{return""}}function d(t,e={}){return t.replace(/\{(\w+)\}/g,(n,o)=>String(e[o]??n))}function L(t){return[10,25,50,100].map(e=>e*se(t))}function se(t){if(t<1)return .2;let e=10**Math.max(0,Math.floor(Math.log10(Math.max(1,t))));return e*([5,2].find(n=>t>=e*n)??1)}var B={example:"\u0623\u062F\u062E\u0644 \u0645\u0628\u0644\u063A\u064B\u0627\u060C \u0645\u062B\u0644 {example}.",whole:"\u0627\u0633\u062A\u062E\u062F\u0645 \u0639\u062F\u062F\u064B\u0627 \u0635\u062D\u064A\u062D\u064B\u0627\u060C \u0645\u062B\u0644 {example}.",oneDecimal:"\u0631\u0642\u0645 \u0639\u0634\u0631\u064A \u0648\u0627\u062D\u062F \u0639\u0644\u0649 \u0627\u0644\u0623\u0643\u062B\u0631\u060C \u0645\u062B\u0644 {example}.",twoDecimals:"\u0631\u0642\u0645\u0627\u0646 \u0639\u0634\u0631\u064A\u0627\u0646 \u0639\u0644\u0649 \u0627\u0644\u0623\u0643\u062B\u0631\u060C \u0645\u062B\u0644 {example}.",threeDecimals:"\u062B\u0644\u0627\u062B\u0629 \u0623\u0631\u0642\u0627\u0645 \u0639\u0634\u0631\u064A\u0629 \u0639\u0644\u0649 \u0627\u0644\u0623\u0643\u062B\u0631\u060C \u0645\u062B\u0644 {example}.",moreDecimals:"\u0639\u062F\u062F \u0627\u0644\u0623\u0631\u0642\u0627\u0645 \u0627\u0644\u0639\u0634\u0631\u064A\u0629 {digits} \u0639\u0644\u0649 \u0627\u0644\u0623\u0643\u062B\u0631\u060C \u0645\u062B\u0644 {example}.",bounds:"\u062A\u0628\u0631\u0651\u0639 \u0628\u0645\u0627 \u0644\u0627 \u064A\u0642\u0644 \u0639\u0646 {least} \u0648\u0644\u0627 \u064A\u0632\u064A\u062F \u0639\u0644\u0649 {most}."};var W={heading:"\u0627\u062F\u0639\u0645\u0646\u0627",amount:"\u0627\u0644\u0645\u0628\u0644\u063A",other:"\u0645\u0628\u0644\u063A \u0622\u062E\u0631",yourAmount:"\u0645\u0628\u0644\u063A\u0643 \u0628\u0639\u0645\u0644\u0629 {currency}",give:"\u062A\u0628\u0631\u0651\u0639",giveAmount:"\u062A\u0628\u0631\u0651\u0639 \u0628\u0645\u0628\u0644\u063A {amount}",busy:"\u0644\u062D\u0638\u0629 \u0648\u0627\u062D\u062F\u0629\u2026",note:"\u0628\u0627\u0644\u0628\u0637\u0627\u0642\u0629 \u0623\u0648 Apple Pay \u0623\u0648 Google Pay \u0623\u0648 Link\u060C \u0641\u064A \u0635\u0641\u062D\u0629 Stripe.",testMode:"\u0648\u0636\u0639 \u0627\u0644\u0627\u062E\u062A\u0628\u0627\u0631: \u0644\u0627 \u064A\u064F\u062E\u0635\u0645 \u0634\u064A\u0621 \u0647\u0646\u0627.",failed:"\u0627\u0644\u062A\u0628\u0631\u0651\u0639 \u063A\u064A\u0631 \u0645\u0645\u0643\u0646 \u0647\u0646\u0627 \u0627\u0644\u0622\u0646.",opened:"\u0635\u0641\u062D\u0629 \u0627\u0644\u062F\u0641\u0639 \u062C\u0627\u0647\u0632\u0629.",openPayment:"\u0627\u0641\u062A\u062D \u0635\u0641\u062D\u0629 \u0627\u0644\u062F\u0641\u0639",openPage:"\u0627\u0641\u062A\u062D \u0635\u0641\u062D\u0629 \u0627\u0644\u062A\u0628\u0631\u0651\u0639"};var _={example:"Geben Sie einen Betrag ein, zum Beispiel {example}.",whole:"Geben Sie eine ganze Zahl ein, zum Beispiel {example}.",oneDecimal:"H\xF6chstens eine Nachkommastelle, zum Beispiel {example}.",twoDecimals:"H\xF6chstens zwei Nachkommastellen, zum Beispiel {example}.",threeDecimals:"H\xF6chstens drei Nachkommastellen, zum Beispiel {example}.",moreDecimals:"H\xF6chstens {digits} Nachkommastellen, zum Beispiel {example}.",bounds:"Mindestens {least} und h\xF6chstens {most}."};var H={heading:"Unterst\xFCtzen Sie uns",amount:"Betrag",other:"Anderer",yourAmount:"Ihr Betrag, in {currency}",give:"Spenden",giveAmount:"{amount} spenden",busy:"Einen Moment\u2026",note:"Karte, Apple Pay, Google Pay oder Link, auf der Seite von Stripe.",testMode:"Testmodus: Hier wird nichts abgebucht.",failed:"Spenden ist hier gerade nicht m\xF6glich.",opened:"Ihre Zahlungsseite ist bereit.",openPayment:"Zahlungsseite \xF6ffnen",openPage:"Unsere Spendenseite \xF6ffnen"};var R={example:"Enter an amount, for example {example}.",whole:"Use a whole number, such as {example}.",oneDecimal:"Use at most one decimal, such as {example}.",twoDecimals:"Use at most two decimals, such as {example}.",threeDecimals:"Use at most three decimals, such as {example}.",moreDecimals:"Use at most {digits} decimals, such as {example}.",bounds:"Give at least {least} and at most {most}."};var U={heading:"Support us",amount:"Amount",other:"Other",yourAmount:"Your amount, in {currency}",give:"Give",giveAmount:"Give {amount}",busy:"One moment\u2026",note:"Card, Apple Pay, Google Pay or Link, on Stripe\u2019s page.",testMode:"Test mode: nothing is charged here.",failed:"You can\u2019t give here right now.",opened:"Your payment page is ready.",openPayment:"Open the payment page",openPage:"Open our donation page"};var G={example:"Escriba un importe, por ejemplo {example}.",whole:"Escriba un n\xFAmero entero, por ejemplo {example}.",oneDecimal:"Un decimal como m\xE1ximo, por ejemplo {example}.",twoDecimals:"Dos decimales como m\xE1ximo, por ejemplo {example}.",threeDecimals:"Tres decimales como m\xE1ximo, por ejemplo {example}.",moreDecimals:"{digits} decimales como m\xE1ximo, por ejemplo {example}.",bounds:"Done al menos {least} y como m\xE1ximo {most}."};var j={heading:"Ap\xF3yenos",amount:"Importe",other:"Otro",yourAmount:"Su importe, en {currency}",give:"Donar",giveAmount:"Donar {amount}",busy:"Un momento\u2026",note:"Tarjeta, Apple Pay, Google Pay o Link, en la p\xE1gina de Stripe.",testMode:"Modo de prueba: aqu\xED no se cobra nada.",failed:"Ahora no se puede donar aqu\xED.",opened:"Su p\xE1gina de pago est\xE1 lista.",openPayment:"Abrir la p\xE1gina de pago",openPage:"Abrir nuestra p\xE1gina de donaci\xF3n"};var q={example:"Saisissez un montant, par exemple {example}.",whole:"Saisissez un nombre entier, par exemple {example}.",oneDecimal:"Une d\xE9cimale au plus, par exemple {example}.",twoDecimals:"Deux d\xE9cimales au plus, par exemple {example}.",threeDecimals:"Trois d\xE9cimales au plus, par exemple {example}.",moreDecimals:"{digits} d\xE9cimales au plus, par exemple {example}.",bounds:"Donnez au moins {least} et au plus {most}."};var V={heading:"Soutenez-nous",amount:"Montant",other:"Autre",yourAmount:"Votre montant, en {currency}",give:"Donner",giveAmount:"Donner {amount}",busy:"Un instant\u2026",note:"Carte, Apple Pay, Google Pay ou Link, sur la page de Stripe.",testMode:"Mode test : rien n\u2019est d\xE9bit\xE9 ici.",failed:"Les dons ne sont pas possibles ici pour le moment.",opened:"Votre page de paiement est pr\xEAte.",openPayment:"Ouvrir la page de paiement",openPage:"Ouvrir notre page de don"};var pe={ar:{widget:W,amounts:B},de:{widget:H,amounts:_},en:{widget:U,amounts:R},es:{widget:j,amounts:G},fr:{widget:V,amounts:q}},he=6,ge=100;function Y(t,e){let n=i=>t.getAttribute(i)?.trim()||null,o=ye(n("lang")),r=n("title")??e?.widgetTitle??o.words.heading;return{...o,title:r.slice(0,ge),...fe(n("theme"),t.getAttribute("show-border"),e),...be(n("currency"),n("amounts"),e),isTest:e?.mode==="test"}}function fe(t,e,n){let o=we(t)??n?.widgetTheme??"light";return{theme:o,palette:n?.[o]??null,hasBorder:Se(e)??n?.widgetBorder??!0}}function ye(t){let e=navigator.languages??[],n=t??document.documentElement.lang,{language:o}=E(n?[n,...e]:e),{widget:r,amounts:i}=pe[o];return{language:o,locale:M(o,e),direction:h(o),words:r,amountWords:i}}function be(t,e,n){let o=P(navigator.languages?.[0]??""),r=ve([t,n?.defaultCurrency,o],n),i=n?.bounds[r],s=K(e?.split(","),i)??K(n?.widgetAmounts,i);return{currency:r,bounds:i,amounts:s??L(i?.least??1)}}function K(t,e){let n=(t??[]).map(o=>Number(o)).filter(o=>o>0&&(!e||o>=e.least&&o<=e.most)).slice(0,he);return n.length?n:null}function ve(t,e){let n=t.map(r=>(r??"").toUpperCase()),o=r=>e?r in e.bounds:/^[A-Z]{3}$/.test(r);return n.find(o)??"USD"}function we(t){return t==="light"||t==="dark"?t:null}function Se(t){return t===null?null:t.trim().toLowerCase()!=="false"}var ke=[1632,1776,2406,2534,3664],xe=/[\s\u00a0\u202f'’_]/g,Ae=/^\p{Currency_Symbol}|\p{Currency_Symbol}$/gu,Ce=/^\d{1,12}(?:[.]\d{1,18})?$/;function F(t,e){let n=ze(t).replace(xe,"").replace(Ae,"").replace(/٫/g,".").replace(/٬/g,""),o=De(n,Ne(e));if(o===null||!Ce.test(o)||Number(o)<=0)return null;let[r,i=""]=o.split("."),s=i.replace(/0+$/,"");return String(BigInt(r))+(s&&`.${s}`)}function De(t,e){let n=t.replace(/[^.,]/g,"");if(n.length===0)return t;if(new Set(n).size===2)return Te(t);if(n.length>1)return Z(t,"")?t.replaceAll(n[0],""):null;let o=n!==e&&/^\d{1,3}[.,]\d{3}$/.test(t);return t.replace(n,o?"":".")}function Te(t){let[e,n]=t.lastIndexOf(".")>t.lastIndexOf(",")?[".",","]:[",","."];return Z(t,e)?t.replaceAll(n,"").replace(e,"."):null}function Z(t,e){let n=e?t.slice(0,t.lastIndexOf(e)):t;return/^\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*$|^\d{1,2}(?:,\d{2})*,\d{3}$/.test(n)}function ze(t){return t.replace(/\p{Decimal_Number}/gu,e=>{let n=ke.find(o=>e.charCodeAt(0)>=o&&e.charCodeAt(0)<o+10);return n===void 0?e:String(e.charCodeAt(0)-n)})}function Ne(t){return m(t,{}).formatToParts(1.5).find(n=>n.type==="decimal")?.value??"."}var $=new Map;function m(t,e){let n=JSON.stringify([t,e]),o=$.get(n)??new Intl.NumberFormat(t,e);return $.set(n,o),o}function g(t,e,n){let o=Number(t),r=Number.isInteger(o)?{minimumFractionDigits:0}:{};try{let i=m(n,{style:"currency",currency:e,currencyDisplay:"narrowSymbol",...r});return h(n.split("-")[0])==="rtl"?Oe(i.formatToParts(o)):i.format(o)}catch{return`${t} ${e}`}}var Oe=t=>t.map(({type:e,value:n})=>e==="currency"?`\u2068${n}\u2069`:n).join("");function J(t,e){return m(e,{style:"currency",currency:t,currencyDisplay:"narrowSymbol"}).formatToParts(0).find(({type:o})=>o==="currency")?.value??t}function Q(t,e){let n=Number.isInteger(Number(t))?0:2;return m(e,{useGrouping:!1,minimumFractionDigits:n,maximumFractionDigits:8}).format(Number(t))}var Ie=["whole","oneDecimal","twoDecimals","threeDecimals"];function X(t,e,n,o,r){if(t===null)return d(r.example,{example:Q("37.5",o)});let i=n?.digits??Me(e);if((t.split(".")[1]??"").length>i)return Ee(i,o,r);if(!n||Number(t)>=n.least&&Number(t)<=n.most)return"";let[s,c]=[n.least,n.most].map(l=>g(l,e,o));return d(r.bounds,{least:s,most:c})}function Ee(t,e,n){let o=Q(t?"12.345678".slice(0,3+t):"12",e);return d(n[Ie[t]??"moreDecimals"],{digits:t,example:o})}function Me(t){return m("en",{style:"currency",currency:t}).resolvedOptions().maximumFractionDigits??2}function a(t,e,...n){let o=document.createElement(t);return o.className=e,o.append(...n),o}var f=class{constructor(e){this.isBusy=!1,this.title=a("h2","title"),this.title.id="title",this.test=a("p","test"),this.legend=a("legend","unseen"),this.presets=a("div","presets"),this.field=a("input",""),Object.assign(this.field,{id:"amount",type:"text",inputMode:"decimal",autocomplete:"off",maxLength:24}),this.field.setAttribute("aria-describedby","error"),this.label=a("label","unseen"),this.label.htmlFor="amount",this.symbol=a("span","symbol"),this.symbol.setAttribute("aria-hidden","true"),this.own=a("div","own",this.label,this.symbol,this.field),this.error=a("p","error"),this.error.id="error",this.error.setAttribute("role","alert"),this.button=a("button","give"),this.button.type="submit",this.note=a("p","note"),this.line=a("p","line"),this.line.setAttribute("role","status");let n=a("fieldset","",this.legend,this.presets);this.form=a("form","",n,this.own,this.error,this.button,this.note),this.form.noValidate=!0,this.skeleton=a("div","skeleton",...["","",""].map(()=>a("span",""))),this.skeleton.setAttribute("aria-hidden","true"),this.section=a("section","frame",this.title,this.test,this.skeleton,this.form,this.line),this.section.setAttribute("aria-labelledby","title"),this.form.addEventListener("submit",o=>{o.preventDefault(),e()})}wait(e){this.dress(e),this.section.setAttribute("aria-busy","true"),this.only(this.skeleton)}show(e){this.dress(e);let{words:n}=e;this.test.textContent=e.isTest?n.testMode:"",this.legend.textContent=n.amount,this.label.textContent=d(n.yourAmount,{currency:e.currency}),this.symbol.textContent=J(e.currency,e.locale),this.note.textContent=n.note,this.drawPresets(e),this.showChoice(e),this.section.removeAttribute("aria-busy"),this.only(this.form)}fail(e,n){this.dress(e),this.section.removeAttribute("aria-busy"),this.only(null),this.tellFailed(e,n)}tellFailed({words:e},n){this.tell(e.failed,e.openPage,`${n}/embed/charter`)}tellOpened({words:e},n){this.tell(e.opened,e.openPayment,n).focus()}tell(e,n,o){let r=a("a","",n);return Object.assign(r,{href:o,target:"_blank",rel:"noopener"}),this.line.replaceChildren(e," ",r),r}only(e){this.skeleton.hidden=e!==this.skeleton,this.form.hidden=e!==this.form,this.line.replaceChildren()}dress({title:e,theme:n,hasBorder:o,palette:r,language:i,direction:s}){let{section:c}=this;this.title.textContent=e,Object.assign(c,{lang:i,dir:s}),c.dataset.theme=n,c.toggleAttribute("data-border",o);for(let[l,u]of Object.entries({"--accent":r?.accent,"--accent-ink":r?.accentInk,"--accent-soft":r?.accentSoft}))u?c.style.setProperty(l,u):c.style.removeProperty(l)}drawPresets(e){let n=this.chosen?.value,{amounts:o,words:r}=e,i=String(o[Math.min(1,o.length-1)]),s=[...o.map(String),"other"],c=n&&s.includes(n)?n:i,l=s.map(u=>{let v=a("input","");Object.assign(v,{type:"radio",name:"amount",value:u,checked:u===c}),v.addEventListener("change",()=>this.showChoice(e,!0));let ne=u==="other"?r.other:g(u,e.currency,e.locale);return a("label",u==="other"?"preset other":"preset",v,a("span","",ne))});this.presets.replaceChildren(...l),this.field.oninput=()=>this.showChoice(e)}get chosen(){return this.presets.querySelector("input:checked")}get isOther(){return this.chosen?.value==="other"}amountOf({locale:e}){return this.isOther?F(this.field.value,e):this.chosen?.value??null}problemOf(e){let{currency:n,bounds:o,locale:r,amountWords:i}=e;return X(this.amountOf(e),n,o,r,i)}showChoice(e,n=!1){this.own.hidden=!this.isOther,this.sayError(""),this.showLabel(e),n&&this.isOther&&this.field.focus()}showLabel(e){this.choices=e;let{words:n,currency:o,locale:r}=e,i=this.problemOf(e)?null:this.amountOf(e),s=i===null?n.give:d(n.giveAmount,{amount:g(i,o,r)});this.button.textContent=this.isBusy?n.busy:s}check(e){let n=this.problemOf(e);return this.sayError(n),n&&(this.isOther?this.field:this.chosen)?.focus(),!n}sayError(e){this.error.textContent=e,this.field.setAttribute("aria-invalid",String(!!e))}setBusy(e){this.isBusy=e,this.button.setAttribute("aria-busy",String(e)),this.button.setAttribute("aria-disabled",String(e)),e&&this.line.replaceChildren(),this.choices&&this.showLabel(this.choices)}};var ee=`
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
`;var Pe=["title","show-border","theme","amounts","currency","lang","site","api"],Le=1e4,y=null;function Be(){return y||(y=new CSSStyleSheet,y.replaceSync(ee)),y}var b=class extends HTMLElement{static observedAttributes=Pe;constructor(){super(),this.root=this.attachShadow({mode:"open"}),this.root.adoptedStyleSheets=[Be()],this.keys=new p,this.settings=null,this.source="",this.hasFailed=!1,this.form=new f(()=>this.give()),this.onReturn=e=>e.persisted&&this.form.setBusy(!1)}connectedCallback(){this.form.section.isConnected||this.root.append(this.form.section),addEventListener("pageshow",this.onReturn),this.update()}disconnectedCallback(){removeEventListener("pageshow",this.onReturn)}attributeChangedCallback(){this.isConnected&&this.update()}get backend(){return T(this.getAttribute("api"))}update(){let e=JSON.stringify([this.backend,this.getAttribute("site")]);e!==this.source&&(this.source=e,this.settings=null,this.hasFailed=!1,this.load(e)),this.show()}async load(e){let n=await z(this.backend,this.getAttribute("site"));e===this.source&&(this.settings=n,this.hasFailed=!n,n||(this.source=""),this.show())}show(){this.choices=Y(this,this.settings),this.hasFailed?this.form.fail(this.choices,this.backend):this.settings?this.form.show(this.choices):this.form.wait(this.choices)}async give(){let{choices:e,form:n,backend:o}=this;if(!e||n.isBusy||!n.check(e))return;let r=String(n.amountOf(e)),i={amount:r,currency:e.currency,strict:!0,returnTo:"embed"};n.setBusy(!0);let s=await N(o,i,this.keys.of(o,r,e.currency));(s.success||!D.includes(s.code))&&this.keys.forget();let c=s.success?s.data.url:"";A(c,{development:x(o)})?window.top===window?(location.assign(c),setTimeout(()=>n.setBusy(!1),Le)):(n.setBusy(!1),n.tellOpened(e,c)):(n.setBusy(!1),n.tellFailed(e,o))}};customElements.get("hingecraft-donate")||customElements.define("hingecraft-donate",b);})();
