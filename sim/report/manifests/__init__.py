"""A fleet as manifests of a Kubernetes cluster: what was chosen, ready to be looked through.

==========================================  ======================================================
:mod:`~sim.report.manifests.documents`      the manifests of a design, as one file
:mod:`~sim.report.manifests.serving`        a pool's engine: Deployment, or Knative Service
:mod:`~sim.report.manifests.engines`        the flags of vLLM, SGLang and TensorRT-LLM
:mod:`~sim.report.manifests.metrics`        what an autoscaler looks at, as those engines export it
:mod:`~sim.report.manifests.hpa`            HorizontalPodAutoscaler v2
:mod:`~sim.report.manifests.keda`           KEDA's ScaledObject, by metric or by timetable
:mod:`~sim.report.manifests.knative`        annotations of Knative's autoscaler
==========================================  ======================================================
"""

from sim.report.manifests.documents import SIGNED, manifests

__all__ = ["SIGNED", "manifests"]
