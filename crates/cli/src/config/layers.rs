//! The layers of configuration: file, then environment, then flags; and errors that help.
//! Works on TOML tables, so that every layer knows exactly the same names.

use std::{fs, path::Path};

use anyhow::{Context, Result, anyhow, bail};
use toml::{Table, Value};

use super::Config;

/// What an environment variable of ours begins with.
const PREFIX: &str = "DYNAMOWAVE_";

/// Variables with our prefix that are no options.
const NOT_OPTIONS: [&str; 3] = ["DYNAMOWAVE_CONFIG", "DYNAMOWAVE_TOKEN", "DYNAMOWAVE_URL"];

/// Reads and checks the configuration. `file` is required to exist if it is named; `environment` is all variables;
/// `flags` are pairs like `("server.listen", "127.0.0.1:9000")`.
pub(crate) fn load(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[(String, String)],
) -> Result<Config> {
    let known = Table::try_from(Config::default()).context("the default configuration")?;
    let mut table = match file {
        Some(path) => read(path)?,
        None => Table::new(),
    };
    check_names(&table, &known).with_context(|| describe(file))?;
    for (name, text) in environment {
        if let Some(rest) = name.strip_prefix(PREFIX)
            && !NOT_OPTIONS.contains(&name.as_str())
        {
            let (section, option) =
                from_variable(rest, &known).with_context(|| format!("environment variable {name}"))?;
            set(&mut table, &known, &section, &option, &text)
                .with_context(|| format!("environment variable {name}"))?;
        }
    }
    for (name, text) in flags {
        let (section, option) = name
            .split_once('.')
            .ok_or_else(|| anyhow!("{name:?} is no option; write section.option=value"))?;
        set(&mut table, &known, section, option, text).with_context(|| format!("flag for {name}"))?;
    }
    let config: Config =
        table.try_into().map_err(|error| anyhow!("{error}")).with_context(|| describe(file))?;
    config.check()?;
    Ok(config)
}

fn describe(file: Option<&Path>) -> String {
    file.map_or_else(|| "configuration".to_owned(), |path| format!("configuration file {}", path.display()))
}

fn read(path: &Path) -> Result<Table> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read configuration file {}", path.display()))?;
    text.parse().with_context(|| format!("configuration file {} is not valid TOML", path.display()))
}

/// Every name must be known; the nearest known one is suggested.
fn check_names(table: &Table, known: &Table) -> Result<()> {
    for (section, entry) in table {
        let Some(Value::Table(options)) = known.get(section) else {
            bail!("there is no section [{section}]{}", nearest(section, known.keys()));
        };
        let Value::Table(entry) = entry else {
            bail!("[{section}] is a section, not an option");
        };
        for option in entry.keys() {
            if !options.contains_key(option) {
                bail!("there is no option {option:?} in [{section}]{}", nearest(option, options.keys()));
            }
        }
    }
    Ok(())
}

fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a String>) -> String {
    let best = candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .max_by(|one, two| one.0.total_cmp(&two.0));
    best.filter(|(likeness, _)| *likeness > 0.6)
        .map_or_else(String::new, |(_, name)| format!("; did you mean {name:?}?"))
}

/// Splits `SERVER_LISTEN` into section and option; both may contain underscores.
fn from_variable(rest: &str, known: &Table) -> Result<(String, String)> {
    let name = rest.to_ascii_lowercase();
    let all: Vec<(String, &String, &String)> = known
        .iter()
        .filter_map(|(section, entry)| entry.as_table().map(|options| (section, options)))
        .flat_map(|(section, options)| {
            options.keys().map(move |option| (format!("{section}_{option}"), section, option))
        })
        .collect();
    if let Some((_, section, option)) = all.iter().find(|(full, ..)| *full == name) {
        return Ok(((*section).clone(), (*option).clone()));
    }
    let full: Vec<String> =
        all.into_iter().map(|(full, ..)| format!("{PREFIX}{}", full.to_ascii_uppercase())).collect();
    bail!("there is no such option{}", nearest(&format!("{PREFIX}{rest}"), full.iter()));
}

/// Sets an option from text, read as the type that its default has.
fn set(table: &mut Table, known: &Table, section: &str, option: &str, text: &str) -> Result<()> {
    let mut probe = Table::new();
    probe.insert(
        section.to_owned(),
        Value::Table(Table::from_iter([(option.to_owned(), Value::String(text.to_owned()))])),
    );
    check_names(&probe, known)?;
    let value = match &known[section][option] {
        Value::String(_) => Value::String(text.to_owned()),
        Value::Array(_) if !text.trim_start().starts_with('[') => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(|part| Value::String(part.to_owned())).collect())
        }
        other => {
            let parsed: Table = format!("value = {text}")
                .parse()
                .map_err(|_| anyhow!("{text:?} is not a {}", other.type_str()))?;
            match (other, parsed["value"].clone()) {
                (Value::Float(_), Value::Integer(number)) => {
                    format!("{number}.0").parse::<f64>().map(Value::Float)?
                }
                (_, value) => value,
            }
        }
    };
    let entry = table.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
    entry.as_table_mut().ok_or_else(|| anyhow!("[{section}] is a section"))?.insert(option.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let file = file("[server]\nlisten = \"127.0.0.1:1\"\nthreads = 3\ndata = \"here\"\n");
        let environment = pairs(&[
            ("DYNAMOWAVE_SERVER_LISTEN", "127.0.0.1:2"),
            ("DYNAMOWAVE_SERVER_THREADS", "4"),
            ("PATH", "/bin"),
        ]);
        let config =
            load(Some(file.path()), environment, &pairs(&[("server.listen", "127.0.0.1:3")])).unwrap();
        assert_eq!(config.server.listen, "127.0.0.1:3");
        assert_eq!(config.server.threads, 4);
        assert_eq!(config.server.data, "here");
    }

    #[test]
    fn unknown_names_are_errors_that_suggest_the_nearest() {
        let message = |result: Result<Config>| format!("{:#}", result.unwrap_err());
        let text = message(load(Some(file("[server]\nlissten = 1\n").path()), [], &[]));
        assert!(text.contains("did you mean \"listen\"?"), "{text}");
        let text = message(load(Some(file("[servre]\n").path()), [], &[]));
        assert!(text.contains("did you mean \"server\"?"), "{text}");
        let text = message(load(None, pairs(&[("DYNAMOWAVE_SERVER_LISTN", "x")]), &[]));
        assert!(text.contains("did you mean \"DYNAMOWAVE_SERVER_LISTEN\"?"), "{text}");
        let text = message(load(None, [], &pairs(&[("limits.send_brust", "1")])));
        assert!(text.contains("did you mean \"send_burst\"?"), "{text}");
    }

    #[test]
    fn values_of_the_wrong_kind_or_range_are_errors_that_name_the_option() {
        for (name, value, expected) in [
            ("server.threads", "many", "is not a integer"),
            ("server.threads", "-1", "threads"),
            ("limits.heartbeat_ms", "5", "limits.heartbeat_ms = 5 is out of range"),
            ("server.listen", "8080", "server.listen"),
            ("server.listen", "0.0.0.0:80", "nothing would be encrypted"),
            ("registration.policy", "maybe", "policy"),
            ("tls.key", "key.pem", "belong together"),
            ("traces.ratio", "2", "traces.ratio"),
            ("server.trusted_proxies", "10.0.0.0/33", "server.trusted_proxies"),
            ("node.secret", "short", "node.secret"),
        ] {
            let text = format!("{:#}", load(None, [], &pairs(&[(name, value)])).unwrap_err());
            assert!(text.contains(expected), "{name}={value}: {text}");
        }
    }

    #[test]
    fn lists_and_numbers_are_read_from_text() {
        let flags = pairs(&[
            ("server.trusted_proxies", "10.0.0.1, 10.1.0.0/16"),
            ("traces.ratio", "1"),
            ("server.allow_plaintext", "true"),
        ]);
        let config = load(None, [], &flags).unwrap();
        assert_eq!(config.server.trusted_proxies, ["10.0.0.1", "10.1.0.0/16"]);
        assert!((config.traces.ratio - 1.0).abs() < f64::EPSILON);
        assert!(config.server.allow_plaintext);
    }

    #[test]
    fn registration_is_open_on_loopback_alone() {
        let config = load(None, [], &[]).unwrap();
        assert_eq!(config.registration().unwrap(), chat::RegistrationPolicy::Open);
        let flags = pairs(&[("server.listen", "0.0.0.0:80"), ("server.allow_plaintext", "true")]);
        assert_eq!(load(None, [], &flags).unwrap().registration().unwrap(), chat::RegistrationPolicy::Invite);
    }
}
