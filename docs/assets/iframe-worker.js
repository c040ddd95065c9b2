// Browsers start no workers of pages that are opened as files. The search runs in a hidden frame there.
if (location.protocol === "file:")
  window.Worker = class extends EventTarget {
    constructor(address) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.srcdoc = `<script>
        postMessage = message => parent.dispatchEvent(new MessageEvent("message", { data: message, source: window }));
        importScripts = (...addresses) => addresses.reduce((before, address) => before.then(() => new Promise(done => {
          const script = document.createElement("script");
          script.src = address;
          script.onload = done;
          document.body.append(script);
        })), Promise.resolve());
        </script><body><script src="${address}"></script></body>`;
      this.ready = new Promise((done) => (this.frame.onload = done));
      document.body.append(this.frame);
      window.addEventListener("message", (event) => {
        if (event.source === this.frame.contentWindow) {
          this.dispatchEvent(new MessageEvent("message", { data: event.data }));
          this.onmessage?.(event);
        }
      });
    }

    async postMessage(message) {
      await this.ready;
      this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data: message }));
    }
  };
