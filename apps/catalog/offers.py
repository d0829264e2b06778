"""What can be done with a model in the console."""

from apps.catalog.models import AIModel, ModelJob

Kind = ModelJob.Kind
RUN = frozenset({AIModel.Kind.CHAT, AIModel.Kind.EMBEDDING, AIModel.Kind.RERANK, AIModel.Kind.IMAGE})


def offered(model: AIModel) -> frozenset[str]:
    """Return the kinds of work that the model can be asked for; what a service runs is loaded there."""
    if model.kind == AIModel.Kind.ADAPTER:
        return frozenset({Kind.TEST})  # it is used within an image model alone
    if model.kind not in RUN:
        return frozenset()
    here = {Kind.LOAD, Kind.UNLOAD} if model.source != AIModel.Source.ENDPOINT else set()
    return frozenset({Kind.TEST, Kind.BENCHMARK} | here)


def can_be_default(model: AIModel) -> bool:
    """Return whether one of its kind is taken where nobody chooses; adapters are chosen for each picture."""
    return model.kind != AIModel.Kind.ADAPTER
