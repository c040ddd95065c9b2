"""The style of /docs. The Content-Security-Policy names its hash, so nothing else can style the page."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root { color-scheme: light dark; --ink: #1b2130; --soft: #545d6e; --line: #d9dee7; --paper: #fff; --tint: #f4f6fa;
  --link: #1f5bb5; --strong: #a32c12; --get: #14633b; --post: #1f4f9e; --patch: #85480a; --mark: #fff4cc }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9f0; --soft: #a6afbf; --line: #343c4b; --paper: #13171e; --tint: #1b212b;
    --link: #8db8ff; --strong: #ff9d85; --get: #79d3a2; --post: #92bbff; --patch: #f0b771; --mark: #39331a } }
* { box-sizing: border-box }
html { scroll-padding-top: 1rem }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif;
  overflow-wrap: anywhere }
.page { margin: 0 auto; padding: 1.5rem 1rem 5rem; max-width: 76rem }
a { color: var(--link) } a:hover { text-decoration-thickness: 2px }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 3px }
.skip { position: absolute; left: -100vw } .skip:focus { position: static }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 } h1 small { font-size: 1rem; color: var(--soft) }
h2 { font-size: 1.4rem; line-height: 1.3; margin: 3.5rem 0 .5rem; padding-top: 1rem; border-top: 1px solid var(--line) }
main > h2:first-child { margin-top: 0; padding-top: 0; border: 0 }
h3 { font-size: 1.1rem; line-height: 1.4; margin: 0 } h4 { font-size: .95rem; margin: 1.4rem 0 .3rem }
p { margin: .5rem 0 } ul { margin: .5rem 0; padding-left: 1.2rem } li { margin: .25rem 0 }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .875em }
code { background: var(--tint); border-radius: 3px; padding: .1em .3em }
a code { text-decoration: underline }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: .75rem .9rem;
  margin: .4rem 0; line-height: 1.5; white-space: pre-wrap; tab-size: 2 }
pre code { background: none; padding: 0; font-size: 1em }
table { border-collapse: collapse; margin: .75rem 0 } th, td { text-align: left; vertical-align: top;
  padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line) }
.soft { color: var(--soft) }
article { border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 1.25rem 0 }
article:target { border-color: var(--link); box-shadow: 0 0 0 1px var(--link) } .row:target { background: var(--mark) }
.method { font: 700 .8rem/1 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; margin-right: .5rem }
.get { color: var(--get) } .post { color: var(--post) } .patch { color: var(--patch) }
.path { background: none; padding: 0; font-size: 1rem }
.anchor { margin-left: .4rem; text-decoration: none; font-weight: 400 }
.summary { font-weight: 600 }
dl { margin: .25rem 0 } dd { margin: 0 0 0 1rem }
.row { border-top: 1px solid var(--line); padding: .5rem 0 }
dl dl { border-left: 2px solid var(--line); padding-left: .75rem }
.name { background: none; padding: 0; font-weight: 600 }
.kind { color: var(--soft); font-size: .875rem; margin-left: .4rem }
.required { color: var(--strong); font-size: .875rem; margin-left: .4rem }
.rules { color: var(--soft); font-size: .875rem }
nav ul { list-style: none; padding: 0; margin: 0 0 1rem } nav li { margin: 0 }
nav a { display: block; padding: .3rem 0; text-decoration: none } nav a:hover { text-decoration: underline }
nav .title { font-weight: 600; margin: .75rem 0 .25rem }
.menu { border: 1px solid var(--line); border-radius: 8px; margin: 1.25rem 0 } .menu nav { padding: 0 1rem }
.menu summary { padding: .7rem 1rem; cursor: pointer; font-weight: 600 }
.side { display: none }
@media (min-width: 64rem) {
  .columns { display: grid; grid-template-columns: 17rem minmax(0, 1fr); gap: 3rem } .menu { display: none }
  .side { display: block; position: sticky; top: 0; max-height: 100vh; overflow-y: auto; padding: 1.5rem .5rem 1.5rem 0;
    font-size: .9rem }
  article { padding: 1.25rem 1.5rem }
  .codes .row { display: grid; grid-template-columns: 21rem 1fr; padding: .25rem 0 } }
@media (forced-colors: active) { .required { font-weight: 700 } }
@media print { .side, .menu, .anchor, .skip { display: none } }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
