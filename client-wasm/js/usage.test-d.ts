// What a shop writes; held against the declarations by `tsc --noEmit`.
import { PayError, init, pay, type Paid } from "./index.js";

init({ wallet: "https://wallet.example" });

async function buy(): Promise<string> {
  try {
    const paid: Paid = await pay("https://shop.example/offers/42");
    return paid.receipt ?? paid.deal;
  } catch (error) {
    if (error instanceof PayError && error.code === "cancelled") return "nothing bought";
    throw error;
  }
}

const button = document.createElement("semper-pay");
button.offer = "/offers/42";
button.label = "Buy for €3.20";
button.addEventListener("semper-paid", (event) => console.log(event.detail.deal, event.detail.state));
button.addEventListener("semper-ordered", (event) => console.log(event.detail.deal));
button.addEventListener("semper-failed", (event) => console.log(event.detail.code));
document.body.append(button);
await button.pay();
await buy();

// @ts-expect-error a wallet is an address
init({ wallet: 8481 });
// @ts-expect-error pay wants the offer's address
await pay();
