//! Servers with certificates of an authority of one's own, and with tokens.

#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod servers;

use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Field, Float64Type};
use expect_test::expect;
use servers::tls;
use wasmill_inference::{ModelDefinition, load};

#[test]
fn a_certificate_is_checked_against_the_given_authority() {
    let folder = tempfile::tempdir().unwrap();
    let openssl = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ])
        .args([
            "-days",
            "2",
            "-subj",
            "/CN=127.0.0.1",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        openssl.status.success(),
        "{}",
        String::from_utf8_lossy(&openssl.stderr)
    );
    let server = tls(folder.path());
    let field = |name| Field::new(name, DataType::Float64, true);
    let mut texts = Vec::new();
    for endpoint in [
        format!("grpcs://127.0.0.1:{}", server.grpc),
        format!("https://127.0.0.1:{}", server.http),
    ] {
        let definition = |options: &[(&str, &str)]| ModelDefinition {
            name: "model".into(),
            provider: "open-inference".into(),
            options: [("endpoint", endpoint.as_str())]
                .iter()
                .chain(options)
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect(),
            inputs: vec![field("x")],
            outputs: vec![field("y")],
            base: folder.path().into(),
        };
        let (ca, token) = (("tls.ca", "certificate.pem"), ("token", "s3cret"));
        let model = load(&definition(&[ca, token])).unwrap_or_else(|error| panic!("{error}"));
        let column: ArrayRef = Arc::new(Float64Array::from(vec![1.5, -2.0]));
        let answer = model.predict(&[column], 2, None).unwrap();
        assert_eq!(
            answer[0].as_primitive::<Float64Type>().values().as_ref(),
            [3.0, -4.0]
        );
        for options in [
            &[token][..],
            &[ca],
            &[ca, ("token", "other")],
            &[("tls.ca", "key.pem"), token],
        ] {
            let error = load(&definition(options)).unwrap_err();
            let text = format!(
                "error: {error}\n\nhint: {}",
                error.hint().unwrap_or_default()
            );
            let text = text.replace(&folder.path().display().to_string(), "FOLDER");
            let text = text.replace(&server.grpc.to_string(), "PORT");
            texts.push(text.replace(&server.http.to_string(), "PORT"));
        }
    }
    expect![[r#"
        error: model 'model': the server grpcs://127.0.0.1:PORT cannot be reached: invalid peer certificate: UnknownIssuer

        hint: 'tls.ca' names a file with the certificate of the authority that has signed it
        ---
        error: model 'model': the server grpcs://127.0.0.1:PORT answered Unauthenticated: who asks?

        hint: write 'token' = '${env:NAME}' to send what a variable has
        ---
        error: model 'model': the server grpcs://127.0.0.1:PORT answered Unauthenticated: who asks?

        hint: write 'token' = '${env:NAME}' to send what a variable has
        ---
        error: model 'model': FOLDER/key.pem: the file of 'tls.ca' has no certificate in PEM

        hint: 
        ---
        error: model 'model': the server https://127.0.0.1:PORT cannot be reached: invalid peer certificate: UnknownIssuer

        hint: 'tls.ca' names a file with the certificate of the authority that has signed it
        ---
        error: model 'model': the server https://127.0.0.1:PORT answered 401: who asks?

        hint: write 'token' = '${env:NAME}' to send what a variable has
        ---
        error: model 'model': the server https://127.0.0.1:PORT answered 401: who asks?

        hint: write 'token' = '${env:NAME}' to send what a variable has
        ---
        error: model 'model': FOLDER/key.pem: the file of 'tls.ca' has no certificate in PEM

        hint: "#]].assert_eq(&texts.join("\n---\n"));
}
