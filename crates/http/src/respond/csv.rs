//! Tables for spreadsheets (CSV, RFC 4180).
//!
//! `cells` makes cells of a row; this file writes them down.

mod cells;

use std::collections::HashMap;
use std::fmt;

use axum::response::{IntoResponse, Response};
use csv::{Terminator, WriterBuilder};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use http::{HeaderValue, header};
use mainstay_core::media_type::{Disposition, disposition};
use mainstay_core::{Error, Result};
use serde::Serialize;

use self::cells::{Cell, Formulas, cells};
use super::stream::guarded;
use super::typed;
use crate::describe::{Content, DescribeResponse, Operation, OutlineResponse, ResponseSpec};

/// How many rows are written at once, if so many are there.
const TOGETHER: usize = 64;

/// A table, row by row as a stream gives it, no faster than the client takes it: `text/csv` with a header.
///
/// The names of a row's fields are the header: those of the first row, or [`Csv::columns`]. A field that is a struct
/// becomes columns of its own (`author.name`), a list becomes JSON, and what is absent is empty.
///
/// Whoever opens a table takes a text that begins with `=`, `+`, `-` or `@` for a formula, which may read the rest of
/// the table and send it away. Such a text gets a `'` in front, unless it is a number; [`Csv::verbatim`] leaves it as
/// it is, for programs that read tables.
///
/// ```
/// use futures_util::stream;
/// use mainstay_core::Error;
/// use mainstay_http::respond::Csv;
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Line { id: i64, name: &'static str }
///
/// async fn export() -> Csv<Line> {
///     let rows = stream::iter([Ok::<_, Error>(Line { id: 1, name: "Ann" })]);
///     Csv::new(rows).attachment("people.csv")
/// }
/// ```
#[must_use = "a table is sent when a handler returns it"]
pub struct Csv<T> {
    rows: BoxStream<'static, Result<T, Error>>,
    columns: Option<Vec<String>>,
    disposition: Option<HeaderValue>,
    separator: u8,
    mark: bool,
    formulas: Formulas,
}

impl<T: Serialize + Send + 'static> Csv<T> {
    /// Sends what `rows` gives. An error breaks the connection off, so that the client cannot take what it has for all
    /// there is.
    pub fn new<S, E>(rows: S) -> Self
    where
        S: Stream<Item = Result<T, E>> + Send + 'static,
        E: Into<Error> + 'static,
    {
        Self {
            rows: rows.map(|row| row.map_err(Into::into)).boxed(),
            columns: None,
            disposition: None,
            separator: b',',
            mark: false,
            formulas: Formulas::Disarmed,
        }
    }

    /// Sends these columns, in this order, and their names even if there is no row. Rows that have no names, such as
    /// tuples, are taken as they are.
    pub fn columns(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.columns = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Browsers save it, under this name.
    pub fn attachment(mut self, name: &str) -> Self {
        self.disposition = Some(disposition(Disposition::Attachment, name));
        self
    }

    /// Puts this between cells instead of a comma: `;` is what spreadsheets expect in many countries. What is no ASCII
    /// character is passed over.
    pub fn separator(mut self, separator: char) -> Self {
        if separator.is_ascii() && !matches!(separator, '"' | '\r' | '\n') {
            self.separator = separator as u8;
        }
        self
    }

    /// Begins with a byte order mark: Excel takes a table without one for one in the computer's old encoding.
    pub fn with_mark(mut self) -> Self {
        self.mark = true;
        self
    }

    /// Leaves texts as they are that a spreadsheet would take for formulas.
    pub fn verbatim(mut self) -> Self {
        self.formulas = Formulas::Verbatim;
        self
    }
}

impl<T> fmt::Debug for Csv<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Csv")
            .field("columns", &self.columns)
            .field("formulas", &self.formulas)
            .finish_non_exhaustive()
    }
}

/// What has been written of a table.
struct Table {
    /// Whether the names stand on the first line already.
    begun: bool,
    columns: Option<Vec<String>>,
    /// Whether the handler has said which columns there are.
    chosen: bool,
    separator: u8,
    formulas: Formulas,
}

impl Table {
    /// The lines of these rows, after the header if there is none yet.
    fn lines<T: Serialize>(&mut self, rows: Vec<Result<T, Error>>) -> Result<Vec<u8>> {
        let mut writer = WriterBuilder::new()
            .terminator(Terminator::CRLF)
            .delimiter(self.separator)
            .flexible(true)
            .from_writer(Vec::with_capacity(4096));
        self.begin(&mut writer)?;
        for row in rows {
            let cells = cells(&row?, self.formulas)?;
            let named = cells.iter().any(|cell| cell.name.is_some());
            if named && self.columns.is_none() {
                self.columns = Some(cells.iter().map(|cell| cell.name().to_owned()).collect());
                self.begin(&mut writer)?;
            }
            match &self.columns {
                Some(columns) if named => writer.write_record(self.arranged(columns, &cells)?)?,
                _ => writer.write_record(cells.iter().map(|cell| &cell.text))?,
            }
        }
        writer.into_inner().map_err(|error| Error::internal(format!("writing a table: {error}")))
    }

    fn begin(&mut self, writer: &mut csv::Writer<Vec<u8>>) -> Result<()> {
        if let Some(columns) = self.columns.as_ref().filter(|_| !self.begun) {
            writer
                .write_record(columns.iter().map(|name| cells::disarmed(name, self.formulas).into_owned()))?;
            self.begun = true;
        }
        Ok(())
    }

    /// The texts of a row in the order of the columns.
    fn arranged<'c>(&self, columns: &[String], cells: &'c [Cell]) -> Result<Vec<&'c str>> {
        // Nearly always a row has just the columns, in their order.
        if columns.len() == cells.len()
            && columns.iter().zip(cells).all(|(column, cell)| column == cell.name())
        {
            return Ok(cells.iter().map(|cell| cell.text.as_str()).collect());
        }
        let lost =
            |cell: &&Cell| !cell.text.is_empty() && !columns.iter().any(|column| column == cell.name());
        if let Some(cell) = cells.iter().find(lost).filter(|_| !self.chosen) {
            let message = format!("a row of a table has `{}`, and the first one did not", cell.name());
            return Err(Error::internal(message).context("say which columns there are: `Csv::columns`"));
        }
        let texts: HashMap<&str, &str> = cells.iter().map(|cell| (cell.name(), cell.text.as_str())).collect();
        Ok(columns.iter().map(|column| texts.get(column.as_str()).copied().unwrap_or_default()).collect())
    }
}

impl<T: Serialize + Send + 'static> IntoResponse for Csv<T> {
    fn into_response(self) -> Response {
        let mark: &[u8] = if self.mark { "\u{feff}".as_bytes() } else { b"" };
        let mut table = Table {
            begun: false,
            chosen: self.columns.is_some(),
            columns: self.columns,
            separator: self.separator,
            formulas: self.formulas,
        };
        // The header comes even if no row does.
        let beginning = table.lines::<T>(Vec::new()).map(|header| [mark, &header].concat());
        let lines = self.rows.ready_chunks(TOGETHER).map(move |rows| table.lines(rows));
        let all = futures_util::stream::iter([beginning]).chain(lines);
        let worth_a_piece = |lines: &Result<Vec<u8>>| lines.as_ref().map_or(true, |lines| !lines.is_empty());
        let body = guarded(all.filter(move |lines| std::future::ready(worth_a_piece(lines))));
        let mut response = typed("text/csv; charset=utf-8", body);
        if let Some(disposition) = self.disposition {
            response.headers_mut().insert(header::CONTENT_DISPOSITION, disposition);
        }
        response
    }
}

impl<T> DescribeResponse for Csv<T> {
    fn describe(operation: &mut Operation) {
        Self::outline(operation);
    }
}

impl<T> OutlineResponse for Csv<T> {
    fn outline(operation: &mut Operation) {
        let spec = ResponseSpec::new(200).description("A table with a header.");
        operation.response(spec.content(Content::of::<str>("text/csv")));
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::BodyExt;

    use super::*;

    #[derive(Clone, Serialize)]
    struct Sale {
        id: i64,
        #[serde(rename = "product name")]
        name: String,
        price: f32,
        buyer: Option<Buyer>,
        tags: Vec<&'static str>,
    }

    #[derive(Clone, Serialize)]
    struct Buyer {
        name: &'static str,
        city: Option<&'static str>,
    }

    fn sale(id: i64, name: &str) -> Sale {
        let buyer = Some(Buyer { name: "Ann", city: None });
        Sale { id, name: name.to_owned(), price: 0.1, buyer, tags: vec!["a", "b"] }
    }

    fn rows<T: Send + 'static>(rows: Vec<T>) -> impl Stream<Item = Result<T>> {
        stream::iter(rows.into_iter().map(Ok))
    }

    async fn text<T: Serialize + Send + 'static>(csv: Csv<T>) -> String {
        let bytes = csv.into_response().into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    const HEADER: &str = "id,product name,price,buyer.name,buyer.city,tags\r\n";

    #[tokio::test]
    async fn writes_a_header_and_quotes_what_needs_it() {
        let written = text(Csv::new(rows(vec![sale(-1, "a, \"b\"\r\nc"), sale(2, "")]))).await;
        let lines = "-1,\"a, \"\"b\"\"\r\nc\",0.1,Ann,,\"[\"\"a\"\",\"\"b\"\"]\"\r\n2,,0.1,Ann,,\"[\"\"a\"\",\"\"b\"\"]\"\r\n";
        assert_eq!(written, format!("{HEADER}{lines}"));
    }

    #[tokio::test]
    async fn what_is_written_is_read_again_by_another_program() {
        let names = ["plain", "with, comma", "\"quoted\"", "line\nbreak", "Grüße", "", "a;b", " spaces "];
        let sales = names.iter().map(|name| sale(1, name)).collect();
        let written = text(Csv::new(rows(sales)).verbatim()).await;
        let script = "import csv, json, sys; print(json.dumps([r['product name'] for r in csv.DictReader(sys.stdin)]))";
        let mut python = tokio::process::Command::new("python3");
        python
            .args(["-X", "utf8", "-c", script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped());
        let mut child = python.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut input, written.as_bytes()).await.unwrap();
        drop(input);
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(serde_json::from_slice::<Vec<String>>(&output.stdout).unwrap(), names);
    }

    #[tokio::test]
    async fn disarms_formulas_and_leaves_numbers() {
        let hostile = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1"];
        for text_ in hostile {
            let written = text(Csv::new(rows(vec![(text_,)]))).await;
            let cell = written.trim_end_matches("\r\n").trim_matches('"');
            assert!(cell.starts_with('\''), "{text_:?}: {written:?}");
            assert!(!text(Csv::new(rows(vec![(text_,)])).verbatim()).await.contains("'="), "{text_:?}");
        }
        for harmless in ["-5.20", "+49", "1-2", "a=b", "", "-1e3"] {
            let written = text(Csv::new(rows(vec![(harmless, 1)]))).await;
            assert_eq!(written, format!("{harmless},1\r\n"));
        }
        let by_name = std::collections::BTreeMap::from([("=cmd", 1)]);
        assert_eq!(text(Csv::new(rows(vec![by_name]))).await, "'=cmd\r\n1\r\n");
    }

    #[tokio::test]
    async fn sends_the_columns_that_are_asked_for() {
        let chosen = || ["buyer.name", "id", "none"];
        assert_eq!(
            text(Csv::new(rows(vec![sale(7, "x")])).columns(chosen())).await,
            "buyer.name,id,none\r\nAnn,7,\r\n"
        );
        assert_eq!(
            text(Csv::new(rows(Vec::<Sale>::new())).columns(chosen())).await,
            "buyer.name,id,none\r\n"
        );
        assert_eq!(text(Csv::new(rows(Vec::<Sale>::new()))).await, "");
        assert_eq!(
            text(Csv::new(rows(vec![(1, "a")])).columns(["n", "text"]).separator(';')).await,
            "n;text\r\n1;a\r\n"
        );
        assert!(text(Csv::new(rows(vec![(1,)])).with_mark()).await.starts_with("\u{feff}1"));
    }

    #[tokio::test]
    async fn never_loses_a_cell_in_silence() {
        let without = Sale { buyer: None, ..sale(1, "x") };
        let written = text(Csv::new(rows(vec![sale(1, "x"), without.clone()]))).await;
        assert!(written.ends_with("1,x,0.1,,,\"[\"\"a\"\",\"\"b\"\"]\"\r\n"), "{written}");
        let mut body = Csv::new(rows(vec![without, sale(1, "x")])).into_response().into_body();
        let mut outcome = Ok(());
        while let Some(frame) = body.frame().await {
            outcome = frame.map(|_| ());
        }
        assert!(outcome.is_err(), "a buyer appears for whom there is no column");
    }

    #[tokio::test]
    async fn browsers_save_it() {
        let response = Csv::new(rows(vec![1])).attachment("Umsätze.csv").into_response();
        assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
        assert!(
            response.headers()["content-disposition"].to_str().unwrap().starts_with("attachment; filename=")
        );
    }
}
