/**
 * The browser's own payment window. Playwright does not count it among a context's pages, so it is driven over the DevTools protocol, and
 * like the pages by roles and accessible names.
 */
export class PaymentWindow {
  #page;
  #target;
  #session;
  #next = 1;
  #answers = new Map();

  /** Waits until the window is there. @param {import("playwright-core").Page} opener @param {string} url how its address begins */
  static async opens(opener, url) {
    const window = new PaymentWindow();
    window.#page = await opener.context().newCDPSession(opener);
    window.#page.on("Target.receivedMessageFromTarget", ({ sessionId, message }) => window.#receive(sessionId, message));
    window.#target = await until(async () => {
      const { targetInfos } = await window.#page.send("Target.getTargets");
      return targetInfos.find((target) => target.type === "page" && target.url.startsWith(url))?.targetId;
    }, "the payment window");
    ({ sessionId: window.#session } = await window.#page.send("Target.attachToTarget", { targetId: window.#target }));
    return window;
  }

  /** Whether it is still there. */
  async isOpen() {
    const { targetInfos } = await this.#page.send("Target.getTargets");
    return targetInfos.some(({ targetId }) => targetId === this.#target);
  }

  /** Waits for an element by role and accessible name. @param {string} role @param {string} name */
  async sees(role, name) {
    const look = async () => {
      const { root } = await this.#send("DOM.getDocument", { depth: 0 });
      const { nodes } = await this.#send("Accessibility.queryAXTree", { nodeId: root.nodeId, role, accessibleName: name });
      return nodes.find((node) => !node.ignored)?.backendDOMNodeId;
    };
    // While the window loads, its document is exchanged under the question.
    return until(() => look().catch(() => undefined), `${role} “${name}”`);
  }

  /** Presses a button. @param {string} name */
  async press(name) {
    const backendNodeId = await this.sees("button", name);
    const { object } = await this.#send("DOM.resolveNode", { backendNodeId });
    // Not at once, since what is pressed may close the window before it can answer.
    await this.#send("Runtime.callFunctionOn", { objectId: object.objectId, functionDeclaration: "function () { setTimeout(() => this.click()); }" });
  }

  #send(method, params) {
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => {
      this.#answers.set(id, { resolve, reject });
      // A window that closes does not answer any more.
      setTimeout(() => reject(new Error(`no answer to ${method}`)), ANSWER_MS).unref();
    });
    const message = JSON.stringify({ id, method, params });
    return Promise.all([this.#page.send("Target.sendMessageToTarget", { sessionId: this.#session, message }), answer]).then(([, result]) => result);
  }

  #receive(session, text) {
    if (session !== this.#session) return;
    const { id, result, error } = JSON.parse(text);
    const waiting = this.#answers.get(id);
    this.#answers.delete(id);
    if (error) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result);
  }
}

const ANSWER_MS = 5_000;
const PATIENCE_MS = 20_000;
const LOOK_MS = 50;

/** Looks until there is something. @template T @param {() => Promise<T | undefined>} look @param {string} what @returns {Promise<T>} */
export async function until(look, what) {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, LOOK_MS))) {
    const seen = await look();
    if (seen) return seen;
  }
  throw new Error(`did not see ${what}`);
}
