//! Bodies compressed on the way out and decompressed on the way in.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::FromRequest;
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use futures_util::StreamExt;
use http_body_util::BodyExt;
use mainstay_http::compression::{Accepted, Coding, CompressionConfig, Malformed, Uncompressed, decompress};
use mainstay_http::extract::{BodyLimit, RawBody};
use proptest::prelude::*;
use tokio::sync::mpsc;

const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

fn accepts(value: &str) -> Accepted {
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
    Accepted::of(&headers)
}

fn json(body: impl Into<Body>) -> Response<Body> {
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(body.into()).unwrap()
}

fn compress(value: &str, response: &mut Response<Body>) {
    CompressionConfig::default().compress(accepts(value), &Method::GET, response);
}

fn encoded_as(coding: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_str(coding).unwrap());
    headers
}

async fn expand(coding: &str, bytes: impl Into<Body>) -> Result<Bytes, axum::Error> {
    Ok(decompress(&encoded_as(coding), bytes.into()).unwrap().collect().await?.to_bytes())
}

async fn shrink(coding: &str, bytes: impl Into<Body>) -> Bytes {
    let mut response = json(bytes);
    compress(&format!("{coding}, identity;q=0"), &mut response);
    assert_eq!(response.headers()[header::CONTENT_ENCODING], coding);
    response.into_body().collect().await.unwrap().to_bytes()
}

fn words(count: usize) -> String {
    (0..count).map(|number| format!("{{\"id\":{number},\"name\":\"word\"}},")).collect()
}

#[tokio::test]
async fn compresses_in_each_coding_what_is_in_memory_and_knows_its_length() {
    let plain = words(500);
    for coding in CODINGS {
        let mut response = json(plain.clone());
        response.headers_mut().insert(header::CONTENT_LENGTH, plain.len().into());
        compress(coding, &mut response);
        assert_eq!(response.headers()[header::CONTENT_ENCODING], coding);
        assert_eq!(response.headers()[header::VARY], "accept-encoding");
        assert!(!response.headers().contains_key(header::CONTENT_LENGTH));
        let length = http_body::Body::size_hint(response.body()).exact().expect("the length must be known");
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(bytes.len() as u64, length);
        assert!(bytes.len() < plain.len() / 5, "{coding}: {} of {}", bytes.len(), plain.len());
        assert_eq!(expand(coding, bytes).await.unwrap(), plain);
    }
}

#[tokio::test]
async fn compresses_large_bodies_and_streams_of_many_pieces() {
    let plain = words(100_000);
    for coding in CODINGS {
        assert_eq!(expand(coding, shrink(coding, plain.clone()).await).await.unwrap(), plain);
        let pieces: Vec<_> =
            plain.as_bytes().chunks(777).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        let stream = Body::from_stream(futures_util::stream::iter(pieces));
        assert_eq!(expand(coding, shrink(coding, stream).await).await.unwrap(), plain);
    }
}

#[tokio::test]
async fn hands_on_what_a_stream_has_sent_so_far() {
    for coding in CODINGS {
        let (sender, receiver) = mpsc::channel::<Result<&'static str, std::io::Error>>(4);
        let stream = futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        let mut response = json(Body::from_stream(stream));
        compress(coding, &mut response);
        // The receiving end decompresses as it reads: what it sees has really been sent.
        let mut read = decompress(&encoded_as(coding), response.into_body()).unwrap().into_data_stream();
        for message in ["first", "second", "third"] {
            sender.send(Ok(message)).await.unwrap();
            let mut seen = Vec::new();
            while seen.len() < message.len() {
                let piece = tokio::time::timeout(Duration::from_secs(5), read.next())
                    .await
                    .unwrap_or_else(|_| panic!("{coding}: stuck at `{message}`"));
                seen.extend_from_slice(&piece.unwrap().unwrap());
            }
            assert_eq!(seen, message.as_bytes(), "{coding}");
        }
        drop(sender);
        assert!(read.next().await.is_none(), "{coding}");
    }
}

#[tokio::test]
async fn passes_on_the_error_of_a_body_instead_of_a_clean_end() {
    for pieces in [vec![Ok("some"), Err(())], vec![Err(())]] {
        let stream = futures_util::stream::iter(
            pieces.into_iter().map(|piece| piece.map_err(|()| std::io::Error::other("the disk is gone"))),
        );
        let mut response = json(Body::from_stream(stream));
        compress("gzip", &mut response);
        assert!(response.into_body().collect().await.is_err());
    }
}

#[tokio::test]
async fn leaves_alone_what_must_not_or_need_not_be_compressed() {
    let long = words(500);
    let mut untouched: HashMap<&str, Response<Body>> = HashMap::new();
    untouched.insert("small", json("{}"));
    let mut image = json(long.clone());
    image.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("image/png"));
    untouched.insert("image", image);
    let mut events = json(long.clone());
    events
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    untouched.insert("events", events);
    let mut done = json(long.clone());
    done.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    untouched.insert("done", done);
    let mut forbidden = json(long.clone());
    forbidden.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, No-Transform"));
    untouched.insert("no-transform", forbidden);
    let mut part = json(long.clone());
    *part.status_mut() = StatusCode::PARTIAL_CONTENT;
    untouched.insert("part", part);
    let mut secret = json(long.clone());
    secret.extensions_mut().insert(Uncompressed);
    untouched.insert("secret", secret);
    for (name, mut response) in untouched {
        let before = response.headers().clone();
        compress("gzip, br, zstd", &mut response);
        assert_eq!(response.headers(), &before, "{name}");
    }
    let mut off = json(long);
    CompressionConfig { enabled: false, ..CompressionConfig::default() }.compress(
        accepts("gzip"),
        &Method::GET,
        &mut off,
    );
    assert!(!off.headers().contains_key(header::CONTENT_ENCODING));
}

#[test]
fn tells_caches_that_another_client_may_get_something_else() {
    let mut plain = json(words(500));
    plain.headers_mut().insert(header::ETAG, HeaderValue::from_static("\"one\""));
    compress("identity", &mut plain);
    assert_eq!(plain.headers()[header::VARY], "accept-encoding");
    assert_eq!(plain.headers()[header::ETAG], "\"one\"");

    let mut head = json(words(500));
    CompressionConfig::default().compress(accepts("gzip"), &Method::HEAD, &mut head);
    assert_eq!(head.headers()[header::VARY], "accept-encoding");
    assert!(!head.headers().contains_key(header::CONTENT_ENCODING));

    let mut compressed = json(words(500));
    compressed.headers_mut().insert(header::ETAG, HeaderValue::from_static("\"one\""));
    compressed.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    compressed.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin, Accept-Encoding"));
    compress("gzip", &mut compressed);
    assert_eq!(compressed.headers()[header::ETAG], "W/\"one\"");
    assert!(!compressed.headers().contains_key(header::ACCEPT_RANGES));
    assert_eq!(compressed.headers().get_all(header::VARY).iter().count(), 1);
}

#[tokio::test]
async fn refuses_bodies_that_are_cut_short_or_garbage() {
    for coding in CODINGS {
        let bytes = shrink(coding, words(5_000)).await;
        let cut = expand(coding, bytes.slice(..bytes.len() - 3)).await;
        let error = cut.expect_err("a body that ends too early");
        assert!(Malformed::among(&error).is_some(), "{coding}: {error}");
        let error = expand(coding, "this is not compressed at all").await.unwrap_err();
        assert!(Malformed::among(&error).is_some(), "{coding}: {error}");
    }
}

#[tokio::test]
async fn reads_what_several_compressors_have_written_one_after_the_other() {
    for coding in ["gzip", "zstd"] {
        let mut joined = shrink(coding, words(100)).await.to_vec();
        joined.extend_from_slice(&shrink(coding, "and more").await);
        assert_eq!(expand(coding, joined).await.unwrap(), format!("{}and more", words(100)));
    }
}

#[tokio::test]
async fn takes_bodies_as_they_are_and_empty_ones() {
    assert_eq!(expand("identity", "plain").await.unwrap(), "plain");
    assert_eq!(
        decompress(&HeaderMap::new(), Body::from("plain")).unwrap().collect().await.unwrap().to_bytes(),
        "plain"
    );
    for coding in CODINGS {
        assert_eq!(expand(coding, Body::empty()).await.unwrap(), "");
    }
}

#[test]
fn says_which_encodings_it_understands() {
    for unknown in ["compress", "gzip, gzip", "br,gzip"] {
        let error = decompress(&encoded_as(unknown), Body::empty()).unwrap_err();
        assert_eq!(error.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        assert_eq!(error.headers()[header::ACCEPT_ENCODING], "gzip, br, zstd");
    }
    assert_eq!(Coding::named("BR"), Some(Coding::Brotli));
}

#[tokio::test]
async fn hands_out_a_bomb_in_small_pieces() {
    const PLAIN: usize = 8 * 1024 * 1024;
    for coding in CODINGS {
        let bomb = shrink(coding, vec![0_u8; PLAIN]).await;
        assert!(bomb.len() < PLAIN / 500, "{coding}: {}", bomb.len());
        let mut read = decompress(&encoded_as(coding), Body::from(bomb)).unwrap().into_data_stream();
        // A reader with a limit stops here; nothing beyond was made.
        let mut total = 0;
        while total < 1024 * 1024 {
            let piece = read.next().await.unwrap().unwrap();
            assert!(piece.len() <= 16 * 1024, "{coding}: a piece of {}", piece.len());
            total += piece.len();
        }
    }
}

async fn extract(coding: &str, bytes: impl Into<Body>) -> Result<RawBody, mainstay_core::Error> {
    let mut request = Request::new(bytes.into());
    *request.headers_mut() = encoded_as(coding);
    RawBody::from_request(request, &()).await
}

#[tokio::test]
async fn extractors_count_what_comes_out_against_the_limit() {
    for coding in CODINGS {
        let RawBody(bytes) = extract(coding, shrink(coding, words(100)).await).await.unwrap();
        assert_eq!(bytes, words(100));
        let bomb = shrink(coding, vec![0_u8; 16 * 1024 * 1024]).await;
        assert!((bomb.len() as u64) < BodyLimit::DEFAULT.0 / 50);
        let error = extract(coding, bomb).await.unwrap_err();
        assert_eq!(error.status(), StatusCode::PAYLOAD_TOO_LARGE, "{coding}");
        let error = extract(coding, "nonsense").await.unwrap_err();
        assert_eq!(
            (error.status(), error.machine_code()),
            (StatusCode::BAD_REQUEST, "malformed_encoding"),
            "{coding}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn gives_back_what_went_in(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3000), 0..12),
        cut in 1_usize..500,
    ) {
        let plain = pieces.concat();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for coding in CODINGS {
                let stream = futures_util::stream::iter(pieces.clone().into_iter().map(Ok::<_, std::io::Error>));
                let bytes = shrink(coding, Body::from_stream(stream)).await;
                let chunks: Vec<_> = bytes.chunks(cut).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect();
                let body = Body::from_stream(futures_util::stream::iter(chunks));
                assert_eq!(expand(coding, body).await.unwrap(), plain, "{coding}");
            }
        });
    }
}
