// Stands before the backend: lets through, refuses, is slow, or answers something else.
import { createServer, request as ask } from 'node:http';

export class Proxy {
  constructor(backend) {
    this.backend = new URL(backend);
    this.act = { how: 'pass' };
    this.seen = [];
    this.nameless = [];
    /** Requests that `hold` keeps. @type {(() => void)[]} */
    this.held = [];
    this.server = createServer((request, response) => this.serve(request, response));
  }

  listen(port) {
    return new Promise((listening) => this.server.listen(port, '127.0.0.1', listening));
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((closed) => this.server.close(closed));
  }

  /** `pass`, `refuse`, `lose` (the answer), `hold` (until the next call), `say` (status, body); `only` is a part of the path. */
  behave(how, more = {}) {
    this.act = { how, ...more };
    this.seen = [];
    this.nameless = [];
    for (const goOn of this.held.splice(0)) goOn();
  }

  async serve(request, response) {
    const { how, only = '', status = 200, body = '' } = this.act;
    this.seen.push(`${request.method} ${request.url}`);
    // What a browser asks by itself comes from its own address; the site's calls come from one that all visitors share.
    const { origin, 'x-hc-visitor': name } = request.headers;
    if (!origin && !name) this.nameless.push(this.seen.at(-1));
    if (!request.url.includes(only) || how === 'pass') return this.pass(request, response);
    if (how === 'refuse') return request.socket.destroy();
    if (how === 'say') return response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
    if (how === 'lose') return this.pass(request, null);
    this.held.push(() => request.destroyed || this.pass(request, response));
  }

  pass(request, response) {
    const { hostname, port } = this.backend;
    const options = { hostname, port, path: request.url, method: request.method, headers: request.headers };
    const passed = ask(options, (answer) => {
      if (!response) return answer.resume().on('end', () => request.socket.destroy());
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => request.socket.destroy());
    // A stream would go on for as long as the backend has something to say.
    response?.on('close', () => response.writableFinished || passed.destroy());
    request.pipe(passed);
  }
}
