"""Writes events.out.tfevents.fixture with TensorBoard; run in this folder with torch."""

import glob
import os
import shutil
import tempfile

import tensorboard.compat.proto.event_pb2 as events
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.summary.writer.event_file_writer import EventFileWriter

folder = tempfile.mkdtemp()
writer = EventFileWriter(folder)
for step in (0, 10, 100_000):
    summary = Summary(
        value=[
            Summary.Value(tag="Loss/train", simple_value=2.5 / (1 + step)),
            Summary.Value(
                tag="weird name",
                tensor=TensorProto(dtype=2, tensor_content=b"\0\0\0\0\0\0\xf8\x3f"),
            ),
            Summary.Value(tag="packed", tensor=TensorProto(dtype=1, float_val=[0.25])),
            Summary.Value(tag="vector", tensor=TensorProto(dtype=1, float_val=[1, 2])),
        ]
    )
    writer.add_event(events.Event(wall_time=1.0, step=step, summary=summary))
writer.close()
shutil.move(glob.glob(os.path.join(folder, "*"))[0], "events.out.tfevents.fixture")
