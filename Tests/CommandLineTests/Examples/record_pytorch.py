import json, torch

model = torch.nn.Linear(4, 3)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
x, y = torch.randn(64, 4), torch.randint(3, (64,))
print(json.dumps({"hyperparameters": {"lr": 1e-2}}), flush=True)
for step in range(21):
    loss = torch.nn.functional.cross_entropy(model(x), y)
    line = {"step": step, "train_loss": loss.item()}
    if step % 10 == 0:
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, "model.pt")
        line["checkpoint"] = "model.pt"
    print(json.dumps(line), flush=True)
    optimizer.zero_grad(); loss.backward(); optimizer.step()
