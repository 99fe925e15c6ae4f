//! Jobs that get on by being read, and what is left behind.

use serde_json::{Value, json};

use crate::peer::{Peer, sandbox};

#[tokio::test]
async fn a_job_gets_on_with_each_read() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        let started = peer.call("startJob", json!({"in_Polls": 2, "in_Pending": 1})).await.outputs();
        assert_eq!(started["out_State"], "Pending");
        let uri = format!("job://{}", started["out_JobId"].as_str().unwrap());
        for (reads, state) in
            [(1, "Pending"), (2, "Running"), (3, "Running"), (4, "Successful"), (5, "Successful")]
        {
            let job = peer.resource(&uri).await;
            assert_eq!((&job["state"], &job["reads"]), (&json!(state), &json!(reads)));
            assert_eq!(job.get("outputs").is_some(), state == "Successful");
            assert_eq!(job["id"], started["out_JobId"]);
        }
        let by_default = peer.call("startJob", json!({"in_End": "Faulted"})).await.outputs();
        let uri = format!("job://{}", by_default["out_JobId"].as_str().unwrap());
        for _ in 0..3 {
            assert_eq!(peer.resource(&uri).await["state"], "Running");
        }
        let faulted = peer.resource(&uri).await;
        assert_eq!((&faulted["state"], &faulted["error"]["Status"]), (&json!("Faulted"), &json!("Faulted")));
        let unknown = peer.request("resources/read", json!({"uri": "job://JOB-1"})).await;
        assert_eq!(unknown.error()["message"], "Resource not found");
    }
}

#[tokio::test]
async fn a_job_can_be_ended() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        let id = peer.call("startJob", json!({"in_Polls": 1000})).await.outputs()["out_JobId"].clone();
        let ended = peer.call("finishJob", json!({"in_JobId": id, "in_End": "Faulted"})).await;
        assert_eq!(ended.outputs(), json!({"out_Status": "Ended"}));
        assert_eq!(peer.resource(&format!("job://{}", id.as_str().unwrap())).await["state"], "Faulted");
        for (job, code) in [(id, "Orders.JobEnded"), (json!("JOB-1"), "Orders.JobNotFound")] {
            let (text, is_error) = peer.call("finishJob", json!({"in_JobId": job})).await.text();
            let error: Value = serde_json::from_str(&text).unwrap();
            assert!(is_error && error["Code"] == code, "{text}");
        }
    }
}

#[tokio::test]
async fn what_is_left_behind_can_be_read() {
    let sandbox = sandbox().await;
    for peer in Peer::all(&sandbox).await {
        assert_eq!(peer.resource("invoices://open").await, json!([]));
        let mut ids = Vec::new();
        for (customer, amount) in [("C-1", 1.5), ("C-2", 2.5)] {
            let arguments = json!({"in_Customer": customer, "in_Amount": amount});
            ids.push(peer.call("createInvoice", arguments).await.outputs()["out_InvoiceId"].clone());
        }
        let described = |number: usize, customer: &str, amount: f64| json!({"id": ids[number], "customer": customer, "amount": amount});
        let (first, second) = (described(0, "C-1", 1.5), described(1, "C-2", 2.5));
        assert_eq!(peer.resource("invoices://open").await, json!([first, second]));
        assert_eq!(peer.resource("invoices://open/C-2").await, json!([second]));
        assert_eq!(peer.resource("invoices://open/nobody").await, json!([]));
        assert_eq!(json!(sandbox.open_invoices()), json!(ids));
        for id in ids {
            peer.call("deleteInvoice", json!({"in_InvoiceId": id})).await.outputs();
        }
        assert!(sandbox.open_invoices().is_empty());
    }
}
