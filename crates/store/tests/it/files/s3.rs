//! What only S3 does: what its signed URLs grant, and what is left of uploads.

use std::sync::OnceLock;
use std::time::Duration;

use mainstay_core::config::Secret;
use mainstay_store::files::FilesConfig;
use servers::s3::S3Server;

use super::clouds::{Cloud, ask, folder, write};
use super::{in_pieces, noise};

/// The server, if there is one. Says aloud that there is none.
fn server() -> Option<&'static S3Server> {
    static SERVER: OnceLock<Option<S3Server>> = OnceLock::new();
    let started =
        SERVER.get_or_init(|| S3Server::start().map_err(|why| servers::not_run(&format!("S3: {why}"))).ok());
    started.as_ref()
}

fn settings(secret: &str, server: &S3Server) -> FilesConfig {
    FilesConfig {
        access_key_id: Some(server.access_key_id().to_owned()),
        secret_access_key: Some(Secret::new(secret.to_owned())),
        ..FilesConfig::default()
    }
}

fn url(port: u16, folder: &str) -> String {
    format!("s3://mainstay/{folder}?region=us-east-1&endpoint=http://127.0.0.1:{port}")
}

pub(crate) fn cloud() -> Option<Cloud> {
    let server = server()?;
    Some(Cloud {
        name: "s3",
        port: server.port(),
        settings: settings(server.secret_access_key(), server),
        stranger: settings("another secret", server),
        url,
    })
}

#[tokio::test]
async fn a_url_to_write_with_takes_the_type_and_the_length_that_were_signed_and_nothing_else() {
    let Some(cloud) = cloud() else { return };
    let files = cloud.files().await;
    let grant = write("direct/1", "image/png", 9);
    let signed = files.store().sign(&grant, Duration::from_secs(60)).await.unwrap().unwrap();
    assert_eq!((&*signed.method, &*signed.headers["content-type"]), ("PUT", "image/png"));
    for (media_type, body) in
        [("image/png", "too large!"), ("image/png", "small"), ("text/html", "a picture")]
    {
        assert_eq!(
            ask("PUT", &signed.url, &[("content-type", media_type)], body.into()).await.0,
            403,
            "{body}"
        );
    }
    assert!(!files.exists("direct/1").await.unwrap());
    assert_eq!(ask("PUT", &signed.url, &[("content-type", "image/png")], "a picture".into()).await.0, 200);
    let kept = files.head("direct/1").await.unwrap();
    assert_eq!((kept.size, &*kept.media_type), (9, "image/png"));
}

#[tokio::test]
async fn parts_of_an_upload_that_is_given_up_are_taken_back() {
    let (Some(server), Some(cloud)) = (server(), cloud()) else { return };
    let folder = folder();
    let files = cloud.files_at(cloud.port, &folder, &cloud.settings).await;
    files.put("large", super::cut_off(noise(9 << 20))).await.unwrap_err();
    // Whoever has the name of the upload is answered that there is none: asked for by another library.
    let mut left = String::new();
    for _ in 0..100 {
        left = python(
            server,
            &format!(
                "[u['Key'] for u in s3.list_multipart_uploads(Bucket='mainstay').get('Uploads', []) if u['Key'].startswith('{folder}/')]"
            ),
        );
        if left == "[]" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(left, "[]");
    files.put("large", in_pieces(noise(9 << 20))).await.unwrap();
    let size =
        python(server, &format!("s3.head_object(Bucket='mainstay', Key='{folder}/large')['ContentLength']"));
    assert_eq!(size, (9 << 20).to_string());
}

/// What boto3 says.
fn python(server: &S3Server, expression: &str) -> String {
    let script = format!(
        "import boto3\ns3 = boto3.client('s3', endpoint_url='http://127.0.0.1:{}', aws_access_key_id='{}', \
         aws_secret_access_key='{}', region_name='us-east-1')\nprint({expression})",
        server.port(),
        server.access_key_id(),
        server.secret_access_key()
    );
    let program = servers::programs::MOTO.find().unwrap();
    let output = std::process::Command::new(program).args(["-W", "ignore", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
