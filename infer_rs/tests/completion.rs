//! Tab completion in real shells, by the code that the program prints. A shell that is not installed is left out; .ci/run installs all.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use common::{infer_rs, text};

/// What stands on the command line, and the word that Tab offers: a command, an option of all commands, and one of a single command.
const LINES: [(&str, &str); 3] =
    [("infer-rs prep", "preprocess"), ("infer-rs serve --ort", "--ort-lib"), ("infer-rs predict --to", "--top")];
/// The value of an argument: clap_complete knows no such thing in fish.
const VALUE: (&str, &str) = ("infer-rs completion f", "fish");

/// A shell's stdout, None where it is not installed; the program is on its PATH, and `setup` is a folder of its own.
fn told(shell: &str, arguments: &[&str], line: &str, setup: &Path) -> Option<String> {
    let program = Path::new(env!("CARGO_BIN_EXE_infer-rs")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(shell);
    command.args(arguments).env("PATH", path).env("LINE", line).env("TERM", "dumb").env("HOME", setup).env("ZDOTDIR", setup);
    match command.output() {
        Err(fault) if fault.kind() == ErrorKind::NotFound => {
            // .ci/run installs them.
            assert!(std::env::var_os("CI").is_none(), "{shell} is not installed");
            eprintln!("skipped: {shell} is not installed");
            None
        }
        output => {
            let output = output.unwrap();
            assert!(output.status.success(), "{}", text(&output.stderr));
            Some(text(&output.stdout).trim().to_owned())
        }
    }
}

#[test]
fn bash_completes_commands_options_and_values() {
    let folder = tempfile::tempdir().unwrap();
    // What readline does at Tab: it calls the registered function with these variables set.
    let script = r#"eval "$(infer-rs completion bash)"
        COMP_WORDS=($LINE); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$LINE; COMP_POINT=${#LINE}
        [[ $(complete -p infer-rs) =~ -F\ ([^ ]+) ]] && ${BASH_REMATCH[1]} infer-rs "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[*]}""#;
    for (line, offered) in LINES.into_iter().chain([VALUE]) {
        let Some(found) = told("bash", &["--norc", "-c", script], line, folder.path()) else { return };
        assert_eq!(found, offered, "{line}");
    }
}

#[test]
fn fish_completes_commands_and_options() {
    let folder = tempfile::tempdir().unwrap();
    for (line, offered) in LINES {
        let Some(found) = told("fish", &["-c", "infer-rs completion fish | source; complete -C $LINE"], line, folder.path()) else {
            return;
        };
        let (word, _) = found.split_once('\t').unwrap();
        assert_eq!((word, found.lines().count()), (offered, 1), "{line}");
    }
}

#[test]
fn zsh_completes_commands_options_and_values() {
    let folder = tempfile::tempdir().unwrap();
    // An interactive zsh on a terminal of its own: keys are typed, Tab pressed, and ^G tells what stands on the line then.
    let start = r#"TMOUT=60
        autoload -Uz compinit && compinit -u -D
        eval "$(infer-rs completion zsh)"
        tell() { print -r -- "$BUFFER" >$ZDOTDIR/told; BUFFER=exit; zle accept-line }
        zle -N tell && bindkey '^G' tell
        zle-line-init() { zle -U "$LINE"$'\t\a' }
        zle -N zle-line-init"#;
    fs::write(folder.path().join(".zshrc"), start).unwrap();
    for (line, offered) in LINES.into_iter().chain([VALUE]) {
        let typing = "zmodload zsh/zpty && zpty tab 'zsh -d -i' && zpty -r tab";
        if told("zsh", &["-f", "-c", typing], line, folder.path()).is_none() {
            return;
        }
        let found = fs::read_to_string(folder.path().join("told")).unwrap();
        let (before, _) = line.rsplit_once(' ').unwrap();
        // An option's value may follow after = too.
        assert_eq!(found.trim().trim_end_matches('='), format!("{before} {offered}"));
    }
}

#[test]
fn another_shell_is_wrong_usage() {
    assert_eq!(infer_rs(&["completion", "elvish"]).status.code(), Some(2));
    assert!(text(&infer_rs(&["completion", "elvish"]).stderr).contains("bash, zsh, fish"));
}
