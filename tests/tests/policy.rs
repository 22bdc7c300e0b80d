//! Ways to pay and policies from end to end, with the real programs and the published samples.
#![allow(missing_docs)]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use semper_tests::wallet::path;
use semper_tests::{Demo, Outcome, Wallet};
use serde_json::Value;

/// The keys of the samples' authorities.
const CH: &str = "PloSjx1UovbBiTVZQhD2GKhPj3RaiIF_Qo4309Xg9wM";
const DE: &str = "emMRFhHpyVKLyn-mO1mW_dDnvJkeIonJnUJN66yO-gI";

fn sample(country: &str) -> Outcome<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/policies/{country}.jws"));
    Ok(path(&file)?.to_owned())
}

fn cause(methods: &Value, module: &str) -> Option<String> {
    let found = methods.as_array()?.iter().find(|method| method["module"] == module)?;
    Some(found["cause"].as_str().unwrap_or("usable").to_owned())
}

#[test]
fn a_wallet_pays_by_its_policy_alone() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::funded("20.00", &demo.urls.mint)?;
    let offer = demo.offer("article");
    let goods = wallet.goods();
    let methods = || wallet.json(&["methods", &offer, "--json"]);

    let free = methods()?;
    assert_eq!(cause(&free, "ecash").as_deref(), Some("usable"));
    assert_eq!(cause(&free, "card").as_deref(), Some("no-card"), "{free}");
    assert_eq!(cause(&free, "dummy").as_deref(), Some("not-offered"));
    assert_eq!(methods()?, free, "the same facts, the same answer");
    let asked = &["buy", &offer, "--out", path(&goods)?, "--method", "barter"];
    assert_eq!(wallet.refused(asked)?, "module-unsupported");

    // The shop of the demo does not say where it is; the Swiss sample allows cash within two countries alone.
    // Whoever signed it, nobody at a terminal has confirmed it.
    assert_eq!(wallet.refused(&["policy", "set", &sample("ch")?, "--country", "CH"])?, "policy-authority");
    assert_eq!(wallet.refused(&["policy", "set", &sample("ch")?, "--authority", DE])?, "policy-authority");
    wallet.run(&["policy", "set", &sample("ch")?, "--country", "CH", "--authority", CH])?;
    let shown = wallet.json(&["policy", "show", "--json"])?;
    assert_eq!((&shown["policy"]["name"], &shown["customer"]), (&"Sample: Switzerland".into(), &"CH".into()));
    assert_eq!(cause(&methods()?, "ecash").as_deref(), Some("forbidden"));
    assert_eq!(wallet.refused(&["buy", &offer, "--out", path(&goods)?, "--method", "ecash"])?, "policy-forbids");
    assert_eq!(wallet.refused(&["send", "1.00"])?, "policy-forbids");
    assert_eq!(wallet.balance()?, 2000, "nothing was paid");

    // Another authority needs an explicit word.
    assert_eq!(wallet.refused(&["policy", "set", &sample("de")?])?, "policy-authority");
    assert_eq!(wallet.refused(&["policy", "set", &sample("de")?, "--authority", DE])?, "policy-authority");
    assert_eq!(wallet.json(&["policy", "show", "--json"])?["authority"], CH);
    wallet.run(&["policy", "set", &sample("de")?, "--authority", DE, "--change-authority"])?;
    assert_eq!(cause(&methods()?, "ecash").as_deref(), Some("usable"));
    wallet.buy(&offer)?;
    let spent = wallet.json(&["policy", "show", "--json"])?;
    assert_eq!(spent["spent"][0]["minor"], 320);

    wallet.run(&["policy", "clear"])?;
    assert_eq!(wallet.json(&["policy", "show", "--json"])?["policy"], Value::Null);
    assert_eq!(wallet.refused(&["policy", "set", path(&wallet.home().join("key"))?])?, "statement-malformed");
    Ok(())
}

/// Runs a command at a terminal of its own, at which somebody types this: whether it succeeded, and what was to be seen.
fn at_a_terminal(wallet: &Wallet, arguments: &[&str], typed: &str) -> Outcome<(bool, String)> {
    let command = wallet.command(arguments)?;
    let mut terminal = Command::new("python3");
    terminal.args(["-c", "import os, pty, sys\nsys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"]);
    terminal.arg(command.get_program()).args(command.get_args());
    let mut terminal = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn()?;
    let mut keyboard = terminal.stdin.take().ok_or("no keyboard")?;
    keyboard.write_all(typed.as_bytes())?;
    drop(keyboard);
    let output = terminal.wait_with_output()?;
    Ok((output.status.success(), String::from_utf8(output.stdout)?))
}

#[test]
fn the_first_authority_is_obeyed_when_the_person_at_the_terminal_says_so() -> Outcome {
    let wallet = Wallet::init()?;
    let (ch, de) = (sample("ch")?, sample("de")?);
    let set = ["policy", "set", &ch, "--country", "CH"];
    let authority = || -> Outcome<Value> { Ok(wallet.json(&["policy", "show", "--json"])?["authority"].clone()) };
    for no in ["n\n", "\n", "yes, perhaps\n"] {
        let (obeyed, seen) = at_a_terminal(&wallet, &set, no)?;
        assert!(!obeyed && seen.contains("error[policy-authority]"), "{no:?}: {seen}");
        assert!(seen.contains("Sample: Switzerland") && seen.contains(CH), "what is asked about: {seen}");
        assert!(seen.contains("Obey it from now on? [y/N]"), "{seen}");
        assert_eq!(authority()?, Value::Null, "{no:?} is no yes");
    }
    let (obeyed, seen) = at_a_terminal(&wallet, &set, "y\n")?;
    assert!(obeyed && seen.contains("Obey it from now on? [y/N]"), "{seen}");
    assert_eq!(authority()?, CH);

    // The same authority again is not asked about, and another one is none that a yes would do for.
    let (obeyed, seen) = at_a_terminal(&wallet, &set, "n\n")?;
    assert!(obeyed && !seen.contains("[y/N]"), "{seen}");
    let (obeyed, seen) = at_a_terminal(&wallet, &["policy", "set", &de], "y\n")?;
    assert!(!obeyed && !seen.contains("[y/N]") && seen.contains("error[policy-authority]"), "{seen}");
    assert_eq!(authority()?, CH);
    Ok(())
}

#[test]
fn one_list_of_purses_for_all_modules() -> Outcome {
    let demo = Demo::start()?;
    let wallet = Wallet::funded("5.00", &demo.urls.mint)?;
    let gateway = demo.urls.gateway.as_str();
    wallet.run(&["card", "add", "--number", "4242424242424242", "--expiry", "12/38", "--gateway", gateway])?;
    let purses = wallet.json(&["purses", "--json"])?;
    let [cash, card] = purses.as_array().map(Vec::as_slice).ok_or("a list")? else {
        return Err(format!("two purses: {purses}").into());
    };
    assert_eq!(
        (&cash["module"], &cash["at"], &cash["balance"]["minor"]),
        (&"ecash".into(), &demo.urls.mint.as_str().into(), &500.into())
    );
    assert!(cash["expires_at"].as_u64().is_some_and(|end| end > 1_700_000_000), "{cash}");
    assert_eq!((&card["module"], &card["at"]), (&"card".into(), &gateway.into()));
    assert!(card["name"].as_str().is_some_and(|name| name.ends_with("4242")), "{card}");
    assert_eq!(card["expires_at"], 2_177_452_800_u64, "the first second of 2039");
    Ok(())
}
