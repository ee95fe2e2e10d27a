//! Operator commands on dead letters, through the admin interface of the running server, or straight on AWS.
//! Finds the server by its data folder, or by `DYNAMOWAVE_URL` and `DYNAMOWAVE_TOKEN`; decides nothing itself.

use anyhow::{Context as _, Result, bail};
use api::Fate;
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

#[cfg(feature = "aws")]
use crate::{
    args::{Backend, ConfigArgs},
    aws::dead_letters::OnAws,
};
use crate::{
    home::Home,
    limits::{DEAD_LETTERS_PER_PAGE, OPERATOR_TIMEOUT, READY_TIMEOUT},
};

/// Dead letters: what could not be processed after all retries.
#[derive(Debug, Args)]
pub(crate) struct DeadLetterArgs {
    /// Data folder of the running server.
    #[arg(long, global = true, default_value = "./data", value_name = "FOLDER")]
    data: String,
    /// Address of the server, if not the one that runs on the data folder.
    #[arg(long, global = true, env = "DYNAMOWAVE_URL", requires = "token")]
    url: Option<String>,
    /// Token of an admin or of the operator.
    #[arg(long, global = true, env = "DYNAMOWAVE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Where the queues are, to act on them without a server between.
    #[cfg(feature = "aws")]
    #[arg(long, global = true, value_enum)]
    backend: Option<Backend>,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    config: ConfigArgs,
    /// Which queue.
    #[arg(long, global = true, value_enum, default_value_t = QueueName::Messages)]
    queue: QueueName,
    /// Print JSON instead of a table.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: DeadLetterCommand,
}

/// One of the two queues.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum QueueName {
    /// Commands.
    Messages,
    /// What is to be told.
    Notifications,
}

#[derive(Debug, Subcommand)]
enum DeadLetterCommand {
    /// List them with reason, attempts, first and last failure.
    List,
    /// Show one whole.
    Show {
        /// Its id, as listed.
        id: String,
    },
    /// Send them again. What was stored already is not doubled.
    Redrive(Which),
    /// Forget them for good.
    Drop(Which),
}

/// Which dead letters.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Which {
    /// Ids, as listed.
    pub(crate) ids: Vec<String>,
    /// All of them.
    #[arg(long)]
    pub(crate) all: bool,
}

/// Where dead letters are asked for. What is answered is as the admin routes have it.
pub(crate) trait Letters {
    /// At most [`DEAD_LETTERS_PER_PAGE`] of them after this id.
    fn page(&self, after: Option<&str>) -> Result<Vec<Value>>;

    /// One of them.
    fn show(&self, id: &str) -> Result<Value>;

    /// Redrives or drops some; tells how many.
    fn settle(&self, fate: Fate, which: &Which) -> Result<u64>;
}

/// The admin interface of one server.
struct Admin {
    agent: ureq::Agent,
    url: String,
    token: String,
    queue: &'static str,
}

/// Runs a `dlq` command.
pub(crate) fn run(args: &DeadLetterArgs) -> Result<()> {
    let letters = letters(args)?;
    match &args.command {
        DeadLetterCommand::List => list(&*letters, args.json),
        DeadLetterCommand::Show { id } => {
            println!("{}", serde_json::to_string_pretty(&letters.show(id)?)?);
            Ok(())
        }
        DeadLetterCommand::Redrive(which) => {
            println!("{} sent again", letters.settle(Fate::Redrive, which)?);
            Ok(())
        }
        DeadLetterCommand::Drop(which) => {
            println!("{} dropped", letters.settle(Fate::Drop, which)?);
            Ok(())
        }
    }
}

fn letters(args: &DeadLetterArgs) -> Result<Box<dyn Letters>> {
    #[cfg(feature = "aws")]
    if let Some(Backend::Aws) = args.backend {
        return Ok(Box::new(OnAws::open(&args.config.load(&[])?, args.queue)?));
    }
    Ok(Box::new(Admin::of(args)?))
}

fn list(letters: &dyn Letters, as_json: bool) -> Result<()> {
    let mut count = 0_usize;
    let mut after: Option<String> = None;
    loop {
        let items = letters.page(after.as_deref())?;
        for item in &items {
            if as_json {
                println!("{item}");
            } else {
                print_row(item, count == 0);
            }
            count += 1;
        }
        match items.last().and_then(|item| item["id"].as_str()) {
            Some(last) if items.len() == DEAD_LETTERS_PER_PAGE => after = Some(last.to_owned()),
            _ => break,
        }
    }
    if count == 0 && !as_json {
        println!("No dead letters.");
    }
    Ok(())
}

impl Letters for Admin {
    fn page(&self, after: Option<&str>) -> Result<Vec<Value>> {
        let after = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let page = self.get(&format!(
            "/v1/admin/dead-letters?queue={}&limit={DEAD_LETTERS_PER_PAGE}{after}",
            self.queue
        ))?;
        Ok(page["items"].as_array().context("the server's answer has no items")?.clone())
    }

    fn show(&self, id: &str) -> Result<Value> {
        self.get(&format!("/v1/admin/dead-letters/{id}?queue={}", self.queue))
    }

    fn settle(&self, fate: Fate, which: &Which) -> Result<u64> {
        let body = if which.all {
            json!({"queue": self.queue, "all": true})
        } else {
            json!({"queue": self.queue, "ids": which.ids})
        };
        let action = match fate {
            Fate::Redrive => "redrive",
            Fate::Drop => "drop",
        };
        let answer = self.post(&format!("/v1/admin/dead-letters/{action}?queue={}", self.queue), &body)?;
        answer["count"].as_u64().context("the server's answer has no count")
    }
}

impl Admin {
    fn of(args: &DeadLetterArgs) -> Result<Admin> {
        let (url, token) = match (&args.url, &args.token) {
            (Some(url), Some(token)) => (url.trim_end_matches('/').to_owned(), token.clone()),
            _ => Home::at(&args.data).server()?,
        };
        let queue = match args.queue {
            QueueName::Messages => "messages",
            QueueName::Notifications => "notifications",
        };
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(OPERATOR_TIMEOUT))
            .http_status_as_error(false)
            .build();
        Ok(Admin { agent: agent.new_agent(), url, token, queue })
    }

    fn get(&self, path: &str) -> Result<Value> {
        let request = self
            .agent
            .get(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token));
        self.read(request.call())
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let request = self
            .agent
            .post(format!("{}{path}", self.url))
            .header("authorization", format!("Bearer {}", self.token));
        self.read(request.send_json(body))
    }

    fn read(&self, response: Result<http::Response<ureq::Body>, ureq::Error>) -> Result<Value> {
        let mut response =
            response.with_context(|| format!("no answer from {}; is the server running?", self.url))?;
        let status = response.status();
        let answer: Value =
            response.body_mut().read_json().with_context(|| format!("{} answered {status}", self.url))?;
        if !status.is_success() {
            bail!("{} ({})", answer["detail"].as_str().unwrap_or("the server refused"), answer["code"]);
        }
        Ok(answer)
    }
}

/// Fails when the process that answers there is not ready, or does not answer.
pub(crate) fn ready(url: &str) -> Result<()> {
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(READY_TIMEOUT))
        .http_status_as_error(false)
        .build()
        .new_agent();
    let url = format!("{}/readyz", url.trim_end_matches('/'));
    let mut response = agent.get(&url).call().with_context(|| format!("no answer from {url}"))?;
    let text = response.body_mut().read_to_string().unwrap_or_default();
    println!("{}", text.trim());
    if !response.status().is_success() {
        bail!("not ready: {url} answered {}", response.status());
    }
    Ok(())
}

fn print_row(item: &Value, first: bool) {
    if first {
        println!(
            "{:<24} {:<14} {:>8}  {:<24} {:<24} REASON",
            "ID", "WHAT", "ATTEMPTS", "FIRST FAILURE", "LAST FAILURE"
        );
    }
    let text = |name: &str| item[name].as_str().unwrap_or("-").to_owned();
    println!(
        "{:<24} {:<14} {:>8}  {:<24} {:<24} {}",
        text("id"),
        text("name"),
        item["attempts"],
        text("firstFailedAt"),
        text("lastFailedAt"),
        text("reason")
    );
}
