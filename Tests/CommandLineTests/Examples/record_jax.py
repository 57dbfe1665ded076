import json, jax, jax.numpy as jnp, numpy

w = jax.random.normal(jax.random.key(0), (4, 3))
x = jax.random.normal(jax.random.key(1), (64, 4))
y = jax.random.randint(jax.random.key(2), (64,), 0, 3)
loss = jax.jit(lambda w: -jnp.mean(jax.nn.log_softmax(x @ w)[jnp.arange(64), y]))
print(json.dumps({"hyperparameters": {"lr": 0.1}}), flush=True)
for step in range(21):
    line = {"step": step, "train_loss": float(loss(w))}
    if step % 10 == 0:
        numpy.savez("model.npz", w=w)
        line["checkpoint"] = "model.npz"
    print(json.dumps(line), flush=True)
    w = w - 0.1 * jax.grad(loss)(w)
