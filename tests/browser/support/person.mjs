/** A person at a browser: a profile of their own, windows, and what the browser complained about meanwhile. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium as playwright } from "playwright-core";
import { chromium } from "./programs.mjs";

const PATIENCE_MS = 20_000;

const SWITCHES = [
  "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

export class Person {
  #profile;
  #options;
  #expected = [];
  /** What the browser's consoles said of errors, policy violations included. @type {string[]} */
  complaints = [];

  /**
   * Opens the browser. Without `sheet`, it is one that has no payment sheet (as Firefox), so that paying goes through the popup.
   * @param {{profile?: string, sheet?: boolean, width?: number, height?: number, scheme?: "light" | "dark"}} [options]
   */
  static async arrives(options = {}) {
    const person = new Person();
    person.#profile = options.profile ?? mkdtempSync(join(tmpdir(), "semper-profile-"));
    person.#options = options;
    await person.open();
    return person;
  }

  async open() {
    const { sheet = false, width = 1280, height = 900, scheme = "light" } = this.#options;
    this.context = await playwright.launchPersistentContext(this.#profile, {
      executablePath: chromium(),
      headless: true,
      chromiumSandbox: false,
      args: SWITCHES,
      viewport: { width, height },
      colorScheme: scheme,
      locale: "en-GB",
      reducedMotion: "reduce",
    });
    this.context.setDefaultTimeout(PATIENCE_MS);
    if (!sheet) await this.context.addInitScript(() => delete window.PaymentRequest);
    this.context.on("console", (message) => {
      if (message.type() === "error") this.#complain(`${message.text()} (${message.location().url})`);
    });
    this.context.on("weberror", (error) => this.#complain(String(error.error().stack ?? error.error())));
    [this.page] = this.context.pages();
  }

  /** Complaints like this one belong to what the test does. @param {RegExp} pattern */
  expects(pattern) {
    this.#expected.push(pattern);
  }

  #complain(text) {
    if (!this.#expected.some((pattern) => pattern.test(text))) this.complaints.push(text);
  }

  /** Another window of the same browser. */
  newPage() {
    return this.context.newPage();
  }

  /** Closes the browser as a person does; the profile stays. */
  async leave() {
    await this.context.close();
  }

  /** Kills the browser, as a power cut would; the profile stays as it was on the disk. */
  async crashes() {
    const closed = new Promise((resolve) => this.context.once("close", resolve));
    for (const pid of this.#processes()) process.kill(pid, "SIGKILL");
    await closed;
  }

  /** Comes back to the same profile. */
  async returns() {
    await this.open();
  }

  /** Closes the browser and removes the profile. */
  async goes() {
    await this.context.close().catch(() => {});
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The browser's own processes: those that name this profile. */
  #processes() {
    const numbers = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    return numbers.filter((number) => commandLine(number).includes(`--user-data-dir=${this.#profile}`)).map(Number);
  }
}

function commandLine(number) {
  try {
    return readFileSync(`/proc/${number}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
