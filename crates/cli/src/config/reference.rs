//! The commented default file, made from the field docs and the defaults of [`Config`].
//! Nothing is written twice: a new field with its doc comment appears here by itself.

use std::fmt::Write as _;

use schemars::schema_for;
use serde_json::Value;

use super::Config;

/// The file that `dynamowave config default` prints: every option, its meaning, its default, commented out.
pub(crate) fn reference() -> String {
    let schema = schema_for!(Config).to_value();
    let defaults = toml::Value::try_from(Config::default()).expect("invariant: the defaults are valid TOML");
    let mut text = String::from(HEADER);
    for (section, entry) in properties(&schema) {
        let definition = resolve(&schema, entry);
        let _ = writeln!(text, "\n{}\n[{section}]", comment(entry, definition));
        for (option, field) in properties(definition) {
            let default = &defaults[section.as_str()][option.as_str()];
            let _ = writeln!(text, "{}\n# {option} = {default}", comment(field, resolve(&schema, field)));
        }
    }
    text
}

const HEADER: &str = "\
# DynamoWave Chat: every option with its default. Remove the `# ` before what you want to change.
# An environment variable wins over this file (DYNAMOWAVE_SERVER_LISTEN for `listen` in [server]),
# and a flag wins over both (--set server.listen=127.0.0.1:9000).
";

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

/// Follows a reference into the schema's definitions.
fn resolve<'a>(root: &'a Value, entry: &'a Value) -> &'a Value {
    let target = entry.get("$ref").and_then(Value::as_str);
    target.and_then(|target| root.pointer(target.trim_start_matches('#'))).unwrap_or(entry)
}

fn comment(field: &Value, definition: &Value) -> String {
    let doc = [field, definition].iter().find_map(|schema| schema.get("description").and_then(Value::as_str));
    let lines: Vec<String> = doc.unwrap_or_default().lines().map(|line| format!("# {line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the comment off every option, so that the file sets everything to its default.
    fn uncommented(text: &str) -> String {
        let is_option = |line: &str| line.strip_prefix("# ").is_some_and(|rest| rest.contains(" = "));
        text.lines()
            .map(|line| if is_option(line) { &line[2..] } else { line })
            .filter(|line| !line.starts_with('#'))
            .collect::<Vec<_>>()
            .join("\n")
    }

    #[test]
    fn the_reference_sets_every_option_to_its_default() {
        let config: Config = toml::from_str(&uncommented(&reference())).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn every_option_of_the_reference_is_explained() {
        let text = reference();
        let lines: Vec<&str> = text.lines().collect();
        let options = lines.windows(2).filter(|pair| pair[1].split(' ').nth(2) == Some("="));
        let mut count = 0;
        for pair in options {
            count += 1;
            assert!(pair[0].starts_with("# ") && pair[0].len() > 10, "{} has no comment", pair[1]);
        }
        assert!(count > 20, "found {count} options");
    }

    #[test]
    fn the_defaults_pass_their_own_check() {
        Config::default().check().unwrap();
    }
}
