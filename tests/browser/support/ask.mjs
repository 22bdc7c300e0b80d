/** Asks the wallet itself, through a page of its own. */

/** @param {import("playwright-core").Page} page that shows the wallet, open @param {string} method @param {object} [params] */
export function ask(page, method, params = {}) {
  return page.evaluate(
    async ([name, values]) => {
      const { WalletClient } = await import("/client.js");
      return new WalletClient().call(name, values);
    },
    [method, params],
  );
}

/** Everything that was bought or begun. */
export const deals = (page) => ask(page, "deals");

/** The balance in minor units of the euro. */
export const balance = async (page) => (await ask(page, "balance")).EUR;

/** The sum of what was paid, in minor units. */
export const spent = async (page) => (await deals(page)).reduce((sum, deal) => sum + deal.paid.minor, 0);
