//! Secrets that are known to the test are looked for wherever they have no business, in every spelling that code is
//! likely to give them: logs at their most talkative, what goes over every wire, error bodies, databases and temporary
//! files of everybody but their owner.
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use semper_server::config::Config;
use semper_server::crypto::{BlindSigner, NativeSigner};
use semper_server::store::sql::StoreUrl;
use semper_server::{bank, mint};
use semper_shared::foundation::{Amount, Bytes, Currency, Digest, UnixSeconds, base64};
use semper_shared::items::information::ContentKey;
use semper_shared::items::payment::card::{CardNumber, Slip};
use semper_shared::items::payment::ecash::CoinSecret;
use semper_shared::items::payment::ecash::transfer::{Direction, Link, Passed};
use semper_shared::security::blinding::BlindingSecrets;
use semper_shared::security::{Seed, Signer as _, SigningKey};
use semper_tests::market::{TOKENS, open_readonly};
use semper_tests::{Market, Outcome, Wallet};
use semper_wallet::core::ports::{HttpRequest, HttpResponse};
use semper_wallet::core::{MintName, TransferView, Words};

const WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";
const PASSPHRASE: &str = "a-planted-passphrase-that-nobody-says";
/// A card that the sandbox approves.
const CARD: &str = "5555555555554444";
/// Comes with the requests in whose middle a party panics.
const IN_A_PANIC: &str = "a-planted-token-in-a-request-that-panics";

/// How a secret may be spelt.
fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let decimal = |between: &str| secret.iter().map(u8::to_string).collect::<Vec<_>>().join(between);
    let url = base64::encode(secret);
    let standard = url.replace('-', "+").replace('_', "/");
    let mut all = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    all.extend([decimal(", ").into_bytes(), decimal(",").into_bytes(), url.into_bytes(), standard.into_bytes()]);
    // Within a longer base64 text it begins at any of three places; what is the same at each is its middle.
    for lead in 1..3 {
        let shifted = base64::encode(&[&vec![0; lead], secret].concat());
        if shifted.len() > 24 {
            all.push(shifted.as_bytes()[4..shifted.len() - 4].to_vec());
        }
    }
    all
}

fn contains(hay: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else { return false };
    let mut rest = hay;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        if rest[at..].starts_with(needle) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Where things are found, by a name that tells.
struct Places(BTreeMap<String, Vec<u8>>);

impl Places {
    fn add_folder(&mut self, name: &str, folder: &Path) -> Outcome {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = format!("{name}/{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                self.add_folder(&name, &entry.path())?;
            } else {
                self.0.insert(name, fs::read(entry.path())?);
            }
        }
        Ok(())
    }

    /// The places that have the secret in any spelling.
    fn having(&self, secret: &[u8]) -> Vec<&str> {
        let spellings = spellings(secret);
        let has = |bytes: &Vec<u8>| spellings.iter().any(|spelling| contains(bytes, spelling));
        self.0.iter().filter(|(_, bytes)| has(bytes)).map(|(name, _)| name.as_str()).collect()
    }
}

/// A run with known secrets: everything that it left behind, and all that passed between the parties.
fn run(market: &Market) -> Outcome<Places> {
    let gateway = market.gateway.as_ref().ok_or("no gateway")?;
    for party in [&market.bank, &market.mint, &market.merchant, gateway] {
        party.proxy.record();
    }
    let mut places = Places(BTreeMap::new());
    let wallet = Wallet::none()?;
    let mint = market.mint.url();
    let out = wallet.goods();
    let out = out.to_str().ok_or("path")?;
    let evidence = wallet.home().join("../evidence.json");
    let evidence = evidence.to_str().ok_or("path")?;
    let mut talk = |arguments: &[&str]| -> Outcome<String> {
        let mut command = wallet.command(arguments)?;
        let said = command.env("SEMPER_WALLET_PASSPHRASE", PASSPHRASE).env("RUST_LOG", "trace").output()?;
        let name = format!("wallet says/{}", places.0.len());
        places.0.insert(name, [said.stdout.as_slice(), &said.stderr].concat());
        Ok(String::from_utf8_lossy(&said.stdout).into_owned())
    };
    talk(&["init", "--words", WORDS])?;
    talk(&["withdraw", "20.48", "--mint", &mint])?;
    let bought = talk(&["buy", &market.offer("article"), "--out", out, "--json"])?;
    let bought: serde_json::Value = serde_json::from_str(&bought).map_err(|error| format!("{error}: {bought}"))?;
    talk(&["card", "add", "--number", CARD, "--expiry", "12/40", "--gateway", &gateway.url()])?;
    by_card(market, out, &mut talk)?;
    talk(&["resume"])?;
    talk(&["deals", "--json"])?;
    talk(&["evidence", bought["deal"].as_str().ok_or("no deal")?, "--out", evidence])?;
    // What fails says something too.
    talk(&["buy", &market.offer("nothing"), "--out", out])?;
    talk(&["withdraw", "1.001", "--mint", &mint])?;
    talk(&["init", "--words", WORDS])?;
    talk(&["restore", "--words", "legal winner thank", "--mint", &mint])?;
    talk(&["card", "add", "--number", CARD, "--expiry", "01/20", "--gateway", &gateway.url()])?;
    let http = reqwest::blocking::Client::new();
    for (url, body) in [
        (format!("{mint}/withdrawals"), r#"{"request":"x"}"#),
        (format!("{mint}/deposits"), r#"{"permissions":["a.b.c"]}"#),
        (format!("{}/deals", market.merchant.url()), r#"{"order":"a.b.c","payment":null}"#),
        (format!("{}/transfers", market.bank.url()), "{}"),
        (format!("{}/cards", gateway.url()), "{}"),
    ] {
        let answer = http.post(url).header("content-type", "application/json").body(body).send()?.text()?;
        places.0.insert(format!("error body/{}", places.0.len()), answer.into_bytes());
    }
    panics(market, &wallet, &mut places)?;
    places.add_folder("market", market.folder())?;
    places.add_folder("wallet", &wallet.home())?;
    let parties =
        [("bank", &market.bank), ("mint", &market.mint), ("merchant", &market.merchant), ("gateway", gateway)];
    for (name, party) in parties {
        places.0.insert(format!("wire/{name}"), party.proxy.recorded());
    }
    places.0.insert("evidence".to_owned(), fs::read(evidence)?);
    Ok(places)
}

/// Pays by card, as soon as shop and gateway have met and the offers say so.
fn by_card(market: &Market, out: &str, talk: &mut dyn FnMut(&[&str]) -> Outcome<String>) -> Outcome {
    for _ in 0..100 {
        let offer = reqwest::blocking::get(market.offer("letter"))?.text()?;
        let offer = base64::decode(offer.split('.').nth(1).unwrap_or_default()).ok_or("no offer")?;
        if contains(&offer, b"\"card\"") {
            let bought = talk(&["buy", &market.offer("letter"), "--out", out, "--method", "card", "--json"])?;
            let bought: serde_json::Value =
                serde_json::from_str(&bought).map_err(|error| format!("{error}: {bought}"))?;
            assert_eq!(bought["state"], "delivered", "{bought}");
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    Err("the shop takes no cards".into())
}

/// Every party panics in the middle of a request that brings a secret, and the wallet when it is open; the parties go on.
fn panics(market: &Market, wallet: &Wallet, places: &mut Places) -> Outcome {
    const TOLD: &str = "a panic was asked for";
    let http = reqwest::blocking::Client::new();
    let gateway = market.gateway.as_ref().ok_or("no gateway")?;
    let parties = [(&market.bank, "transfers"), (&market.mint, "withdrawals"), (&market.merchant, "deals")];
    for (party, path) in parties.into_iter().chain([(gateway, "cards"), (gateway, "authorisations")]) {
        let url = format!("{}/{path}", party.url());
        let asked = http.post(&url).header("semper-panic", "1").bearer_auth(IN_A_PANIC);
        let asked = asked.header("content-type", "application/json").body(format!("{{\"token\":\"{IN_A_PANIC}\"}}"));
        assert!(asked.send().is_err(), "{path} answered, and did not panic");
        let health = http.get(format!("{}/health", party.url())).send()?;
        assert!(health.status().is_success(), "{path} panicked, and nothing goes on");
        assert!(party.log()?.contains(TOLD), "{path} said nothing of its panic");
    }
    let mut command = wallet.command(&["deals", "--json"])?;
    let command = command.env("SEMPER_WALLET_PASSPHRASE", PASSPHRASE).env("RUST_LOG", "trace");
    let said = command.env("SEMPER_PANICS", "1").env("RUST_BACKTRACE", "full").output()?;
    let told = [said.stdout.as_slice(), &said.stderr].concat();
    assert!(!said.status.success() && contains(&told, TOLD.as_bytes()), "the wallet did not panic");
    places.0.insert("wallet panics".to_owned(), told);
    Ok(())
}

/// The mint's name, as its own key document has it.
fn mint_name(market: &Market) -> Outcome<Digest> {
    let keys = reqwest::blocking::get(format!("{}/keys", market.mint.url()))?.text()?;
    let header = base64::decode(keys.split('.').next().unwrap_or_default()).ok_or("no header")?;
    let header: serde_json::Value = serde_json::from_slice(&header)?;
    Ok(header["kid"].as_str().ok_or("no kid")?.parse()?)
}

#[test]
fn planted_secrets_are_where_they_belong_and_nowhere_else() -> Outcome {
    let market = Market::start_with_cards_logging("trace")?;
    let places = run(&market)?;
    let only = |what: &str, secret: &[u8], allowed: &[&str]| {
        let found = places.having(secret);
        let stray: Vec<_> = found.iter().filter(|place| !allowed.iter().any(|at| place.starts_with(at))).collect();
        assert!(stray.is_empty(), "{what} is in {stray:?}");
        // The search can find: what lies somewhere is found there.
        assert_eq!(found.is_empty(), allowed.is_empty(), "{what} should be in {allowed:?}, and is in {found:?}");
    };

    // The wallet's secrets are nowhere at all in the clear: its own store is sealed.
    let words = Words::parse(WORDS)?;
    only("what came with a request that panicked", IN_A_PANIC.as_bytes(), &["wire/"]);
    only("the recovery words", WORDS.as_bytes(), &[]);
    only("the words' entropy", &[0x7f; 16], &[]);
    only("the passphrase", PASSPHRASE.as_bytes(), &[]);
    let seed = words.seed();
    only("the wallet's seed", seed.as_bytes(), &[]);
    let mint = mint_name(&market)?;
    let reserve = seed.derive_key("ecash/reserve", &[mint.as_bytes(), &0_u32.to_be_bytes()]);
    let known = reserve.public_key().to_text();
    assert!(contains(&places.0["wire/mint"], known.as_bytes()), "the reserve is another one: nothing was looked for");
    only("the reserve's private key", &*reserve.to_bytes(), &[]);
    for index in 0..12 {
        let coin = CoinSecret::derive_withdrawn(&seed, &mint, 0, index);
        only("a coin's seed", coin.seed().as_bytes(), &[]);
        only("a coin's private key", &*coin.key().to_bytes(), &[]);
    }

    // A card's number is sealed for the gateway, which keeps none.
    let groups: Vec<_> = (0..4).map(|group| &CARD[4 * group..4 * group + 4]).collect();
    for number in [CARD.to_owned(), groups.join(" "), groups.join("-")] {
        only("a card's number", number.as_bytes(), &[]);
    }
    only("a card's number in digits", &CARD.bytes().map(|digit| digit - b'0').collect::<Vec<_>>(), &[]);
    only("a card's number as a whole", &CARD.parse::<u64>()?.to_be_bytes(), &[]);

    // The operators' secrets are in their own folders and files.
    only("the mint's token", TOKENS[1].1.as_bytes(), &["market/mint.toml", "market/bank.toml", "wire/bank"]);
    only("the merchant's token", TOKENS[2].1.as_bytes(), &["market/bank.toml"]);
    let books = open_readonly(&market.folder().join("merchant/merchant.sqlite"))?;
    let mut keys = books.prepare("SELECT key FROM content_key")?;
    let keys = keys.query_map((), |row| row.get::<_, Vec<u8>>(0))?.collect::<Result<Vec<_>, _>>()?;
    assert!(!keys.is_empty());
    for key in keys {
        only("a content key", &key, &["market/merchant/merchant.sqlite"]);
    }
    let issuers = fs::read_to_string(market.folder().join("mint/denominations.json"))?;
    let keys: Vec<_> = issuers.split('"').filter(|text| text.len() > 1_000).filter_map(base64::decode).collect();
    assert!(!keys.is_empty(), "no denomination has a private key");
    for key in keys {
        // In the middle of the private exponent.
        only("a denomination's private key", key.get(320..352).ok_or("a short key")?, &["market/mint/denominations"]);
    }
    for party in ["bank", "mint", "merchant", "gateway"] {
        let pem = fs::read_to_string(market.folder().join(party).join("key.pem"))?;
        let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = base64::decode(der.trim_end_matches('=').replace('+', "-").replace('/', "_").as_str());
        let der = der.ok_or("the key is not in PEM")?;
        // The private scalar is the one octet string of 32 bytes.
        let at = der.windows(2).position(|pair| pair == [0x04, 0x20]).ok_or("no private key")?;
        let scalar = der.get(at + 2..at + 34).ok_or("no private key")?;
        let folder = format!("market/{party}/key.pem");
        let found = places.having(scalar);
        assert!(found.iter().all(|place| place.starts_with(&folder)), "the key of the {party} is in {found:?}");
    }
    Ok(())
}

/// What holds a secret shows none of it, whoever prints it: in a log, an error, or a panic's message.
#[test]
fn debug_output_shows_no_secret() -> Outcome {
    let secret = [0x5a; 32];
    let seed = Seed::new(secret);
    let key = SigningKey::from_bytes(&secret)?;
    let words = Words::parse(WORDS)?;
    let coin = CoinSecret::from_seed(Seed::new(secret));
    let number = "4242 4242 4242 4242";
    let card: CardNumber = number.parse()?;
    let slip = Slip {
        card: card.clone(),
        expiry: "12/30".parse()?,
        amount: Amount::new(Currency::EUR, 1)?,
        common: Digest::of(b"terms"),
        secret,
    };
    let link = Link::Receive { key: key.clone(), mint_url: "https://mint.example".to_owned() };
    let spelt = link.to_string();
    assert!(contains(spelt.as_bytes(), base64::encode(&secret).as_bytes()), "the link is another one");
    let view = TransferView {
        transfer: Digest::of(b"transfer"),
        direction: Direction::Sent,
        state: Passed::Open,
        amount: Amount::new(Currency::EUR, 1)?,
        purpose: "a gift".to_owned(),
        at: UnixSeconds(1),
        expires_at: UnixSeconds(2),
        expired: false,
        mint: MintName { url: "https://mint.example".to_owned(), name: "A mint".to_owned() },
        link: Some(spelt.clone()),
    };
    let token = base64::encode(&secret);
    let request = HttpRequest {
        method: "POST",
        url: format!("https://bank.example/transfers?token={token}"),
        headers: vec![("authorization", format!("Bearer {token}"))],
        body: Some(secret.to_vec()),
    };
    let answer = HttpResponse { status: 200, headers: Vec::new(), body: secret.to_vec() };
    let native = NativeSigner::make()?;
    let pem = native.to_pem()?;
    let issuer = BlindSigner::make()?;
    let der = issuer.to_der()?;
    let store = StoreUrl::new(format!("postgres://semper:{token}@db.example/mint"));
    let blinding = BlindingSecrets::derive(issuer.public_key(), &seed)?;
    let shown = [
        format!("{seed:?} {key:?} {coin:?} {:?}", ContentKey::from_bytes([0x5a; 16])),
        format!("{words:?} {card:?} {slip:?} {link:?} {view:?}"),
        format!("{request:?} {answer:?} {:?}", Bytes(secret.to_vec())),
        format!("{native:?} {issuer:?} {store:?} {blinding:?}"),
        format!("{:?} {:?}", bank::Token(token.clone()), mint::Token::new(token)),
    ];
    let mut factor = vec![0; 256];
    seed.expand("blinding/factor", &[&[0]], &mut factor);
    let words_seed = words.seed();
    let planted: [&[u8]; 9] = [
        &secret[..16],
        WORDS.as_bytes(),
        words_seed.as_bytes().as_slice(),
        b"4242424242424242",
        number.as_bytes(),
        spelt.as_bytes(),
        &pem[40..72],
        &der[320..352],
        &factor[64..96],
    ];
    for secret in planted {
        for shown in &shown {
            let found = spellings(secret).into_iter().any(|spelling| contains(shown.as_bytes(), &spelling));
            assert!(!found, "a secret is in {shown}");
        }
    }
    // The search can find.
    let careless = format!("{:?}", secret.to_vec());
    assert!(spellings(&secret[..16]).iter().any(|spelling| contains(careless.as_bytes(), spelling)));
    Ok(())
}

#[test]
fn configurations_show_no_tokens() -> Outcome {
    let market = Market::start()?;
    for party in ["bank", "mint", "merchant"] {
        let shown = format!("{:?}", Config::read(&market.folder().join(format!("{party}.toml")))?);
        for (account, token, _) in TOKENS {
            assert!(!shown.contains(token), "the token of {account} in the configuration of the {party}");
        }
    }
    Ok(())
}
