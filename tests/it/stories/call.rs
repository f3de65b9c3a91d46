//! A call to the API as a document prints it: a `curl` command, or the request's own text.

/// A call that was printed.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) method: String,
    /// What follows the host.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
}

impl Call {
    /// Reads it.
    pub(super) fn read(printed: &str) -> Self {
        let printed = printed.trim();
        if printed.starts_with("curl ") { Self::of_curl(printed) } else { Self::of_http(printed) }
    }

    fn of_curl(printed: &str) -> Self {
        let mut words = words(printed).into_iter().skip(1);
        let (mut method, mut url, mut headers, mut body) = (None, None, Vec::new(), None);
        while let Some(word) = words.next() {
            let mut argument = || words.next().unwrap_or_else(|| panic!("{word} of what?"));
            match word.as_str() {
                "-X" => method = Some(argument()),
                "-H" => headers.push(header(&argument())),
                "-d" => body = Some(argument()),
                _ => url = Some(word),
            }
        }
        let url = url.expect("a URL");
        let (_, after_scheme) = url.split_once("://").expect("a whole URL");
        let path = after_scheme.find('/').map_or("/", |at| &after_scheme[at..]);
        let otherwise = if body.is_some() { "POST" } else { "GET" };
        let method = method.unwrap_or_else(|| otherwise.to_owned());
        Self { method, path: path.to_owned(), headers, body }
    }

    fn of_http(printed: &str) -> Self {
        let (head, body) =
            printed.split_once("\n\n").map_or((printed, None), |(h, b)| (h, Some(b)));
        let mut lines = head.lines();
        let (method, path) = lines.next().and_then(|line| line.split_once(' ')).expect("its line");
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: lines.map(header).collect(),
            body: body.map(str::to_owned),
        }
    }
}

fn header(line: &str) -> (String, String) {
    let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no header: {line}"));
    (name.to_owned(), value.to_owned())
}

/// The words of a command, as a shell takes them apart; without expansions.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut letters = command.chars();
    while let Some(letter) = letters.next() {
        match (quote, letter) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (None, '\\') => {
                if let Some(c) = letters.next().filter(|c| *c != '\n') {
                    word.get_or_insert_default().push(c);
                }
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[test]
fn a_curl_command_and_a_request_are_read_as_they_are_meant() {
    let curl = Call::read(
        r#"curl -X POST "https://api.company.com/v2/webhooks" \
  -H "Authorization: Bearer KEY" \
  -d '{
    "active": true
  }'"#,
    );
    let http =
        Call::read("POST /v2/webhooks\nAuthorization: Bearer KEY\n\n{\n    \"active\": true\n  }");
    assert_eq!(format!("{curl:?}"), format!("{http:?}"));
    assert_eq!(curl.path, "/v2/webhooks");
    assert_eq!(curl.headers, [("Authorization".to_owned(), "Bearer KEY".to_owned())]);
    assert_eq!(curl.body.as_deref(), Some("{\n    \"active\": true\n  }"));
    assert_eq!(Call::read("curl https://api.company.com/v2/webhooks").method, "GET");
}
