"""What the views of the studio's API share."""

from rest_framework.views import APIView

from apps.users.models import KeyScope


class ImagesView(APIView):
    """A view that takes keys with the scope `images`."""

    scope: str = KeyScope.IMAGES
