/** The `semper` binary as a process: merchant, wallet site, mint and bank on one base port. */
import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { writeCatalogue } from "./catalogue.mjs";
import { Line } from "./line.mjs";
import { semper } from "./programs.mjs";

/** How many ports a demo takes: merchant, wallet site, mint, bank, gateway. */
const PORTS = 5;
/** How far above its own port the merchant listens while a line lies before it: beyond the demo's own ports. */
const BEHIND_THE_LINE = PORTS;

export class Demo {
  #folder = mkdtempSync(join(tmpdir(), "semper-browser-"));
  #base = 0;
  #child = null;
  #command = [];

  /** Starts a demo in a new folder, with the tests' small catalogue. @param {object} [more] goods beside these */
  static async start(more) {
    const demo = new Demo();
    writeCatalogue(join(demo.#folder, "goods"), more);
    demo.#base = await freeBase();
    const folders = ["--data", join(demo.#folder, "data"), "--goods", join(demo.#folder, "goods")];
    demo.#command = ["demo", ...folders, "--port-base", String(demo.#base)];
    await demo.restart();
    return demo;
  }

  /** The folder of its data. */
  get data() {
    return join(this.#folder, "data");
  }

  /** Lays a line that can be bad before the merchant, at the merchant's own address. @returns {Promise<Line>} */
  async layLine() {
    await this.kill();
    const config = join(this.#folder, "data/semper.toml");
    const [near, far] = [this.#base, this.#base + BEHIND_THE_LINE];
    const text = readFileSync(config, "utf8").replace(`listen = "127.0.0.1:${near}"`, `listen = "127.0.0.1:${far}"`);
    writeFileSync(join(this.#folder, "behind.toml"), text);
    this.#command = ["serve", "--config", join(this.#folder, "behind.toml")];
    const line = await Line.lay(near, far);
    try {
      await this.restart();
    } catch (error) {
      line.end();
      throw error;
    }
    return line;
  }

  /**
   * Goes on with another configuration, and with a mint that has issued nothing yet: only its key is as it was.
   * @param {(text: string) => string} change
   */
  async reconfigure(change) {
    await this.kill();
    const [config, changed] = [join(this.data, "semper.toml"), join(this.#folder, "changed.toml")];
    writeFileSync(changed, change(readFileSync(config, "utf8")));
    const mint = join(this.data, "mint");
    for (const name of readdirSync(mint).filter((name) => name !== "key.pem")) rmSync(join(mint, name), { recursive: true });
    this.#command = ["serve", "--config", changed];
    await this.restart();
  }

  /** Starts again on the same data and ports. */
  async restart() {
    await this.kill();
    const log = openSync(join(this.#folder, "log"), "a");
    this.#child = spawn(semper(), this.#command, { stdio: ["ignore", "pipe", log] });
    closeSync(log);
    for await (const line of createInterface({ input: this.#child.stdout })) {
      Object.assign(this, JSON.parse(line));
      if (this.ready) return;
    }
    throw new Error(`the demo did not become ready:\n${this.log()}`);
  }

  /** Kills all parties at once, as a power cut would. */
  async kill() {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  /** Holds all parties still, as a network that hangs would; `thaw` lets them go on. */
  freeze() {
    this.#child.kill("SIGSTOP");
  }

  thaw() {
    this.#child.kill("SIGCONT");
  }

  /** Kills the demo and removes all that it kept. */
  async end() {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** What the server wrote to standard error. */
  log() {
    return readFileSync(join(this.#folder, "log"), "utf8");
  }

  /** The address of an offer. @param {string} id */
  offer(id) {
    return `${this.merchant}/offers/${id}`;
  }

  /** The address of a good's page. @param {string} id */
  good(id) {
    return `${this.merchant}/g/${id}`;
  }

  /** What the bank's ledger says of an account's balance, in minor units: the truth that no wallet can bend. @param {string} account */
  async bankBalance(account = "customer") {
    const { token } = await (await fetch(`${this.bank}/test-account`)).json();
    const answer = await fetch(`${this.bank}/accounts/${account}`, { headers: { authorization: `Bearer ${token}` } });
    return (await answer.json()).balance.minor;
  }
}

/** The first of eight ports of which those of a demo and the one behind a line are free now. */
async function freeBase() {
  for (let attempt = 0; attempt < 1000; attempt += 1) {
    // Below what systems give to outgoing connections, one of which could take a port before a server does.
    const base = randomInt(10_240, 32_768) & ~7;
    const offsets = [...Array(BEHIND_THE_LINE + 1).keys()];
    const free = await Promise.all(offsets.map((offset) => portOf(base + offset).catch(() => 0)));
    if (free.every((port) => port > 0)) return base;
  }
  throw new Error("no free ports on loopback");
}

/** Listens for a moment. @param {number} port */
async function portOf(port) {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: taken } = server.address();
  server.close();
  await once(server, "close");
  return taken;
}
