//! The options of losses that are numbers, as the library lists them.

use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use gpu_loss::loss::OptionName;
use gpu_loss::loss::Spec;

use crate::takers::{listing, takers};

/// Those that are given, with their values.
#[derive(Debug, Default)]
pub(crate) struct Numbers(pub(crate) Vec<(OptionName, f32)>);

impl Args for Numbers {
    fn augment_args(command: Command) -> Command {
        OptionName::ALL.iter().fold(command, |command, option| match option.letter() {
            None => command,
            Some(letter) => command.arg(argument(*option, letter)),
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(option: OptionName, letter: &'static str) -> Arg {
    let takers = takers(option);
    let mut help = option.about().to_owned();
    let default = takers.iter().find_map(|kind| {
        let default = option.get(&kind.defaults())?;
        (option.get(&Spec::plain(*kind)) != Some(default)).then_some(default)
    });
    if let Some(default) = default {
        help = format!("{help} [default: {default}]");
    }
    let words = option.words();
    if words == ["false", "true"] {
        return Arg::new(option.name())
            .long(option.hyphenated())
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true")
            .hide_possible_values(true)
            .value_name(letter)
            .value_parser(move |text: &str| word(words, text))
            .help(format!("{help} ({})", listing(&takers)));
    }
    if !words.is_empty() {
        return Arg::new(option.name())
            .long(option.hyphenated())
            .value_name(letter)
            .value_parser(move |text: &str| word(words, text))
            .help(format!("{help} ({})", listing(&takers)));
    }
    Arg::new(option.name())
        .long(option.hyphenated())
        .value_name(letter)
        .allow_hyphen_values(true)
        .value_parser(number)
        .help(format!("{help} ({})", listing(&takers)))
}

impl FromArgMatches for Numbers {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |option: &OptionName| Some((*option, *matches.get_one::<f32>(option.name())?));
        Ok(Numbers(OptionName::ALL.iter().filter(|option| option.letter().is_some()).filter_map(given).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The number of a word.
fn word(words: &[&str], text: &str) -> Result<f32, String> {
    let number = words.iter().position(|word| *word == text);
    number.map(|number| number as f32).ok_or_else(|| format!("expected one of {}", words.join(", ")))
}

/// A number that f32 can hold; whether the loss takes it is another question.
pub(crate) fn number(text: &str) -> Result<f32, String> {
    let exact: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    let number = exact as f32;
    let lost = exact.is_finite() && (number.is_infinite() || (number == 0.0 && exact != 0.0));
    if lost { Err("f32 cannot hold it".to_owned()) } else { Ok(number) }
}
