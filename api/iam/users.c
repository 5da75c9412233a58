/* Users. */
#include "api/iam/handlers.h"
#include "api/iam/iam_page.h"
#include "cloud/find.h"
#include "cloud/iam.h"

#define PAGE_SIZE 100 /* where the request does not say */

bool iam_page(Call *call, const IamPage *page, const char *kind, const List *all,
              const char *(*key)(Arena *arena, const void *item), List *list, IamPageEnd *end,
              GError **error)
{
    const Page wanted = {
        .limit = page->max_items == ABSENT ? PAGE_SIZE : page->max_items,
        .token = page->marker,
    };
    if (!cloud_page_of(&call->context, kind, &wanted, all, key, list, &end->marker, error))
        return false;
    end->is_truncated = end->marker != NULL;
    return true;
}

static UserItem *user_item(Call *call, const User *user)
{
    Arena *arena = call->context.arena;
    UserItem *item = shape_new(arena, UserItem_shape());
    item->path = user->name ? user->path : NULL;
    item->user_name = user->name;
    item->user_id = user->id;
    item->arn = user->name ? user_arn(arena, user->account_id, user->path, user->name)
                           : arena_printf(arena, "arn:aws:iam::%s:root", user->account_id);
    item->create_date = user->created;
    return item;
}

bool iam_api_create_user(Call *call, const CreateUserRequest *request, CreateUserReply *reply,
                         GError **error)
{
    User *user;
    if (!iam_create_user(&call->context, request->user_name, request->path, &user, error))
        return false;
    reply->user = user_item(call, user);
    return true;
}

bool iam_api_get_user(Call *call, const GetUserRequest *request, GetUserReply *reply,
                      GError **error)
{
    User *user;
    if (!iam_get_user(&call->context, request->user_name, &user, error))
        return false;
    reply->user = user_item(call, user);
    return true;
}

static const char *user_key(Arena *arena, const void *item)
{
    return ((const User *)item)->name;
}

bool iam_api_list_users(Call *call, const ListUsersRequest *request, ListUsersReply *reply,
                        GError **error)
{
    List all = {0}, page = {0};
    if (!iam_list_users(&call->context, request->path_prefix, &all, error) ||
        !iam_page(call, &request->page, "users", &all, user_key, &page, &reply->end, error))
        return false;
    LIST_EACH (const User *, user, &page)
        list_add(&reply->users, call->context.arena, user_item(call, user));
    return true;
}

bool iam_api_delete_user(Call *call, const DeleteUserRequest *request, DeleteUserReply *reply,
                         GError **error)
{
    return iam_delete_user(&call->context, request->user_name, error);
}
