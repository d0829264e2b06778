"""The REST API of a library's documents: list them, add one."""

from uuid import UUID

from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.core.uploading import lacked_space
from apps.ingestion import services
from apps.ingestion.errors import NoFile, StorageFull
from apps.libraries.access import access_folder
from apps.libraries.api import document_json, documents_page
from apps.libraries.folders import clean_folder
from apps.users.api_auth import person_of
from apps.users.models import KeyScope


class DocumentsView(APIView):
    """The documents of a library."""

    scopes = {"GET": KeyScope.READ, "POST": KeyScope.WRITE}
    parser_classes = [MultiPartParser]

    def get(self, request: Request, library_id: UUID) -> Response:
        """Return one page of them."""
        return documents_page(request, library_id)

    def post(self, request: Request, library_id: UUID) -> Response:
        """Store the field `file`, with `name` and `folder` if they are given; reading begins by itself."""
        form = request._request.POST
        folder = clean_folder(form.get("folder", ""))
        library = access_folder(person_of(request), library_id, folder)
        file = request.FILES.get("file")
        if file is None:
            raise StorageFull if lacked_space(request._request) else NoFile
        name = form.get("name") or file.name or ""
        done = services.take_upload(user=person_of(request), library=library, file=file, name=name, folder=folder)
        return Response(
            {"outcome": done.outcome} | document_json(done.document), status=201 if done.outcome == "created" else 200
        )
