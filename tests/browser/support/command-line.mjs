/** The `semper-wallet` binary over a folder of its own. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { semperWallet } from "./programs.mjs";

const run = promisify(execFile);

export class CommandLineWallet {
  #folder = mkdtempSync(join(tmpdir(), "semper-wallet-"));

  /** A new wallet with cash. @param {string} amount such as "20.00" @param {string} mint */
  static async funded(amount, mint) {
    const wallet = new CommandLineWallet();
    await wallet.json("init");
    await wallet.json("withdraw", amount, "--mint", mint);
    return wallet;
  }

  /** Runs a command that must succeed and print JSON. @param {...string} words */
  async json(...words) {
    const { stdout } = await run(semperWallet(), ["--home", join(this.#folder, "home"), ...words, "--json"]);
    return JSON.parse(stdout);
  }

  /** Buys. @param {string} offer @param {...string} more */
  async buy(offer, ...more) {
    return this.json("buy", offer, "--out", join(this.#folder, "goods"), ...more);
  }

  /** Every statement of a deal. @param {string} deal */
  async evidence(deal) {
    const file = join(this.#folder, "evidence.json");
    await this.json("evidence", deal, "--out", file);
    return JSON.parse(readFileSync(file, "utf8"));
  }

  end() {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
